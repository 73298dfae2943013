//! `sealock connect`: a session on standard input and output.

use crate::args::Connect;
use crate::runtime::Runtime;
use crate::{dial, netcat, policy, stdin};
use anyhow::Result;

pub(crate) fn run<R: Runtime>(args: &Connect) -> Result<()> {
    let config = policy::initiator(&args.session, args.peer)?;
    R::run(async {
        let connection = dial::connect::<R>(&args.address, &config, None, &args.session, args.peer).await?;
        // Not read before somebody is there to take it.
        let input = if args.ends.recv_only { stdin::none() } else { stdin::chunks(args.session.max_message) };
        netcat::run::<R>(connection, &input, args.ends).await
    })
}
