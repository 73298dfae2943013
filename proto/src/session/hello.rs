//! The hello (docs/wire.md, section 1.1): how an offer is written, and read piece by piece. What is made of it is
//! the opening's business.

use super::error::Error;
use crate::noise::Protocol;
use crate::resume::{TICKET_LEN, Ticket};
use arrayvec::ArrayVec;
use core::fmt::Write as _;

/// Most protocols in an offer.
pub(super) const MAX_OFFERS: usize = 4;
/// Longest Noise protocol name in a hello.
const MAX_NAME: usize = 96;
/// Longest hello.
pub(super) const MAX_HELLO: usize = HEAD + (1 + TICKET_LEN) + MAX_OFFERS * (1 + MAX_NAME);

const MAGIC: [u8; 4] = *b"SLCK";
const VERSION: u8 = 1;
/// Magic, version and count.
const HEAD: usize = 6;

/// What a hello offers.
#[derive(Default)]
pub(super) struct Offer {
    /// For the protocol at place 0.
    pub(super) ticket: Option<Ticket>,
    /// By their places. `None` stands for a name that this build does not know.
    pub(super) names: ArrayVec<Option<Protocol>, MAX_OFFERS>,
}

/// The hello that offers `protocols`, the first of them with `ticket` if there is one. `None` if they do not fit.
pub(super) fn write(
    ticket: Option<&Ticket>,
    protocols: impl Iterator<Item = Protocol> + Clone,
) -> Option<ArrayVec<u8, MAX_HELLO>> {
    let count = protocols.clone().count();
    let count = u8::try_from(count).ok().filter(|n| usize::from(*n) <= MAX_OFFERS)?;
    let mut hello = ArrayVec::new();
    hello.try_extend_from_slice(&MAGIC).ok()?;
    hello.try_push(VERSION).ok()?;
    hello.try_push(count + u8::from(ticket.is_some())).ok()?;
    if let Some(ticket) = ticket {
        hello.try_push(u8::try_from(TICKET_LEN).ok()?).ok()?;
        hello.try_extend_from_slice(ticket.as_bytes()).ok()?;
    }
    for protocol in protocols {
        let mut name = Name::default();
        write!(name, "{protocol}").ok()?;
        hello.try_push(u8::try_from(name.0.len()).ok()?).ok()?;
        hello.try_extend_from_slice(&name.0).ok()?;
    }
    Some(hello)
}

#[derive(Default)]
struct Name(ArrayVec<u8, MAX_NAME>);

impl core::fmt::Write for Name {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.0.try_extend_from_slice(s.as_bytes()).map_err(|_| core::fmt::Error)
    }
}

// On the stack, and looked at at once.
#[allow(clippy::large_enum_variant)]
pub(super) enum Parsed {
    /// What is offered, and the length of the hello.
    Whole(Offer, usize),
    /// So many more bytes are needed at least.
    Need(usize),
}

/// Reads the hello at the front of `buf`. What is wrong is refused at once, without waiting for more.
///
/// # Errors
/// [`Error::NotSealock`], [`Error::UnsupportedVersion`], [`Error::MalformedOpening`].
pub(super) fn parse(buf: &[u8]) -> Result<Parsed, Error> {
    if buf.iter().zip(&MAGIC).any(|(byte, magic)| byte != magic) {
        return Err(Error::NotSealock);
    }
    let &[_, _, _, _, version, ref rest @ ..] = buf else { return Ok(Parsed::Need(HEAD - buf.len())) };
    if version != VERSION {
        return Err(Error::UnsupportedVersion(version));
    }
    let &[count, ref rest @ ..] = rest else { return Ok(Parsed::Need(1)) };
    // One more where a ticket is the first.
    if !(1..=MAX_OFFERS + 1).contains(&usize::from(count)) {
        return Err(Error::MalformedOpening);
    }
    let (mut offer, mut rest) = (Offer::default(), rest);
    for place in 0..usize::from(count) {
        let Some((len, behind)) = rest.split_first() else { return Ok(Parsed::Need(1)) };
        let len = usize::from(*len);
        let is_ticket = place == 0 && len == TICKET_LEN;
        let last = usize::from(count) - 1;
        let fits = if is_ticket { last > 0 } else { (1..=MAX_NAME).contains(&len) };
        if !fits || (!is_ticket && place == 0 && last == MAX_OFFERS) {
            return Err(Error::MalformedOpening);
        }
        let Some((name, behind)) = behind.split_at_checked(len) else {
            return Ok(Parsed::Need(len - behind.len()));
        };
        if is_ticket {
            offer.ticket = name.try_into().ok().map(Ticket::from_bytes);
        } else {
            let protocol = core::str::from_utf8(name).ok().and_then(|name| Protocol::parse(name).ok());
            // There is room: the count was checked.
            let _ = offer.names.try_push(protocol);
        }
        rest = behind;
    }
    Ok(Parsed::Whole(offer, buf.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_longest_hello_is_a_ticket_and_four_names_of_96_bytes() {
        let mut hello = [&MAGIC[..], &[VERSION, 5, 225], &[7; 225]].concat();
        for _ in 0..4 {
            hello.push(96);
            hello.extend_from_slice(&[b'x'; 96]);
        }
        assert_eq!(hello.len(), MAX_HELLO);
        for cut in 0..hello.len() {
            let Ok(Parsed::Need(need)) = parse(&hello[..cut]) else { panic!("{cut}") };
            assert!((1..=hello.len() - cut).contains(&need), "{cut}: {need}");
        }
        hello.push(0);
        let Ok(Parsed::Whole(offer, MAX_HELLO)) = parse(&hello) else { panic!("whole") };
        assert_eq!((offer.names[..].len(), offer.ticket.is_some()), (4, true));
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let protocol: Protocol = "Noise_I1X1psk0+psk1+psk2+psk3_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
        for count in 1..=4 {
            let protocols = &[protocol; 4][..count];
            let hello = write(None, protocols.iter().copied()).unwrap();
            let Ok(Parsed::Whole(offer, len)) = parse(&hello) else { panic!("{count}") };
            assert_eq!((offer.names.len(), len), (count, hello.len()));
            assert!(offer.ticket.is_none());
            assert!(offer.names.iter().all(|read| *read == Some(protocol)));
        }
        assert!(write(None, [protocol; 5].into_iter()).is_none());
    }

    #[test]
    fn a_ticket_is_the_first_of_an_offer_and_not_the_last() {
        let name = [&[33][..], b"Noise_NN_25519_ChaChaPoly_BLAKE2s"].concat();
        let ticket = [&[225][..], &[7; 225]].concat();
        for (what, count, entries, good) in [
            ("first", 2, vec![&ticket, &name], true),
            ("alone", 1, vec![&ticket], false),
            ("second", 2, vec![&name, &ticket], false),
            ("twice", 3, vec![&ticket, &ticket, &name], false),
            ("five names", 5, vec![&name; 5], false),
            ("a ticket and five names", 6, vec![&ticket, &name, &name, &name, &name, &name], false),
        ] {
            let mut hello = [&MAGIC[..], &[VERSION, count]].concat();
            entries.into_iter().for_each(|entry| hello.extend_from_slice(entry));
            assert_eq!(matches!(parse(&hello), Ok(Parsed::Whole(..))), good, "{what}");
        }
    }
}
