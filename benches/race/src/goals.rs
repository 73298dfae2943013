//! The goals, each a ratio of two results of one run.

use crate::contest::Case;
use crate::measure::Row;
use crate::stack::Result;
use crate::{duplex, handshake, memory};
use sealock_race::Goals;

/// The least time of those rows.
fn best(rows: &[Row], case: Case, which: impl Fn(&Row) -> bool) -> Option<(f64, &Row)> {
    rows.iter()
        .filter(|row| which(row))
        .filter_map(|row| Some((row.of(case)?.wall_ns, row)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

fn sealock(row: &Row) -> bool {
    row.label.name == "sealock"
}

pub(crate) fn table(
    rows: &[Row],
    memory: &[memory::Cost],
    handshakes: &[handshake::Cost],
    duplex: &[duplex::Gain],
) -> Result<String> {
    let mut goals = Goals::default();
    let small = Case::OneWay(64);
    let on_a_socket = |row: &Row| row.label.on.starts_with("tokio");
    let best_own = best(rows, small, |row| sealock(row) && on_a_socket(row));
    for each in [true, false] {
        let peer = best(rows, small, |row| {
            !sealock(row)
                && row.label.aead != "none"
                && on_a_socket(row)
                && row.label.name.contains("flushed each") == each
        });
        if let (Some((own, _)), Some((peer, row))) = (best_own, peer) {
            goals.least(&format!("64 B one way: best sealock over {}", row.label.text()), peer / own, 5.0)?;
        }
    }
    for aead in ["AESGCM", "ChaChaPoly"] {
        for (case, size) in [(Case::OneWay(16 * 1024), "16 KiB"), (Case::OneWay(1024 * 1024), "1 MiB")] {
            let of = |name: &'static str| {
                move |row: &Row| row.label.name == name && row.label.aead == aead && on_a_socket(row)
            };
            let pair = (best(rows, case, of("sealock")), best(rows, case, of("tokio-rustls")));
            if let (Some((own, own_row)), Some((peer, row))) = pair {
                let what = format!("{size} one way: {} over {}", own_row.label.text(), row.label.text());
                goals.least(&what, peer / own, 1.0)?;
            }
        }
    }
    for row in rows.iter().filter(|row| sealock(row)) {
        let runtime = row.label.on.split('+').next().unwrap_or_default();
        let raw = best(rows, Case::Echo, |raw| raw.label.aead == "none" && raw.label.on == runtime);
        let cipher = memory.iter().find(|cost| {
            row.label.on.ends_with(cost.provider) && row.label.aead == cost.aead && cost.size == 64
        });
        if let (Some((raw, _)), Some(cipher), Some(own)) = (raw, cipher, row.of(Case::Echo)) {
            // Twice a message is sealed and opened: once each way.
            let ciphers = 2.0 * (cipher.seal[1] + cipher.open[1]);
            goals.most(
                &format!("echo: {}, less the cipher, over raw TCP", row.label.text()),
                (own.wall_ns - ciphers) / raw,
                1.10,
            )?;
        }
    }
    for memory::Cost { provider, aead, size, seal, open } in memory {
        let most = if *size == 64 { 1.15 } else { 1.05 };
        goals.most(
            &format!("in memory: seal {size} B {aead} {provider} over the bare cipher"),
            seal[0] / seal[1],
            most,
        )?;
        goals.most(
            &format!("in memory: open {size} B {aead} {provider} over the bare cipher"),
            open[0] / open[1],
            most,
        )?;
    }
    for handshake::Cost { provider, whole, bound } in handshakes {
        let what = format!("handshake in memory, {provider}: its bound by Diffie-Hellman over all of it");
        goals.least(&what, bound / whole, 0.95)?;
    }
    for duplex::Gain { provider, aead, ratio } in duplex {
        let what = format!("both directions on two threads over one, {aead} {provider}");
        goals.least(&what, *ratio, 1.7)?;
    }
    Ok(goals.into_table())
}
