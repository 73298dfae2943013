//! ML-KEM-768 against published vectors.

use super::{HashFunction, Kem};
use crate::noise::{KEM_CIPHERTEXT_LEN, KEM_KEY_LEN, KemSeed, PublicKey, Role};
use alloc::string::{String, ToString};
use shake::{ExtendableOutput, Shake128, Update, XofReader};

fn hex(text: &str) -> [u8; 32] {
    text.parse::<PublicKey>().unwrap().0
}

fn hash(bytes: &[u8]) -> String {
    PublicKey(*HashFunction::Blake2s.digest([bytes]).to_key()).to_string()
}

fn initiator(d: &str, z: &str) -> Kem {
    Kem::new(Role::Initiator, &KemSeed::new(&mut hex(d), &mut hex(z))).unwrap()
}

/// A responder that encapsulates with the randomness `m` to `key`.
fn responder(m: [u8; 32], key: &[u8]) -> Option<Kem> {
    let mut kem = Kem::new(Role::Responder, &KemSeed::new(&mut { m }, &mut [0; 32]))?;
    kem.set_peers_key(key).then_some(kem)
}

#[test]
fn keys_are_those_of_acvp() {
    // NIST's ACVP server, ML-KEM-keyGen-FIPS203, tests 26 to 28: d, z, and the BLAKE2s hash of ek.
    for (d, z, key) in [
        (
            "e34a701c4c87582f42264ee422d3c684d97611f2523efe0c998af05056d693dc",
            "a85768f3486bd32a01bf9a8f21ea938e648eae4e5448c34c3eb88820b159eedd",
            "8e65991cf2b376fd9913731c133bcd2ffd94c77a96e1d00551038b7748c329ec",
        ),
        (
            "444f032dd19ae7518c4b35b0732a41dc567845aba8bd7b04a9c413a0cf2de0b5",
            "df0f282411f4a071489a8f618e2ae5aef40131cac5233d6d731522720c2feb1c",
            "2c810ab3c1355edecac643defd42e8a5097a123cea827653bcb808757a72923a",
        ),
        (
            "092271d05ca63c60880af404d60bc4bb9539e2ea12969581898d56e0ac9a5a68",
            "5aa6dc620a6e9a60cf19a7b4f0ff805bda8219522a548ee5857c3ff6060c7a2f",
            "76799ccbfa11c181e678dd95ef199c9652d1106bf403168d9097c6c292f45fd3",
        ),
    ] {
        assert_eq!(hash(&initiator(d, z).public_key().unwrap()), key, "{d}");
    }
}

/// A hundred times, from one stream of SHAKE128: `d`, `z`, `m`, and a ciphertext that was made for nobody. Into another go
/// the key, the ciphertext and its secret, and what is decapsulated from that of nobody.
#[test]
fn keys_secrets_and_implicit_rejection_are_those_that_go_accumulates() {
    let mut stream = Shake128::default().finalize_xof();
    let mut all = Shake128::default();
    for _ in 0..100 {
        let mut draw = || -> [u8; 32] {
            let mut bytes = [0; 32];
            stream.read(&mut bytes);
            bytes
        };
        let (d, z, m) = (draw(), draw(), draw());
        let mut for_nobody = [0; KEM_CIPHERTEXT_LEN];
        stream.read(&mut for_nobody);
        let own = || Kem::new(Role::Initiator, &KemSeed::new(&mut { d }, &mut { z })).unwrap();
        let key = own().public_key().unwrap();
        let (ciphertext, secret) = responder(m, &key).unwrap().encapsulate().unwrap();
        assert_eq!(own().decapsulate(&ciphertext).unwrap(), secret);
        for part in [&key[..], &ciphertext, &*secret, &*own().decapsulate(&for_nobody).unwrap()] {
            all.update(part);
        }
    }
    let mut digest = [0; 32];
    all.finalize_xof().read(&mut digest);
    // TestAccumulated of Go's crypto/mlkem.
    assert_eq!(digest, hex("1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"));
}

#[test]
fn every_coefficient_of_a_key_must_be_less_than_the_modulus() {
    let key =
        Kem::new(Role::Initiator, &KemSeed::new(&mut [1; 32], &mut [2; 32])).unwrap().public_key().unwrap();
    for position in 0..768 {
        for (value, fits) in [(0_u16, true), (3328, true), (3329, false), (4095, false)] {
            let mut key = key;
            // Two coefficients of 12 bits to three bytes, the lower bits first (FIPS 203 section 4.2.1).
            let [low, high] = value.to_le_bytes();
            let bytes = &mut key[position / 2 * 3..][..3];
            match position % 2 {
                0 => (bytes[0], bytes[1]) = (low, bytes[1] & 0xf0 | high),
                _ => (bytes[1], bytes[2]) = (bytes[1] & 0x0f | low << 4, low >> 4 | high << 4),
            }
            assert_eq!(responder([3; 32], &key).is_some(), fits, "{value} at {position}");
        }
    }
}

#[test]
fn what_is_not_its_sides_business_or_has_another_length_gives_nothing() {
    let seed = || KemSeed::new(&mut [1; 32], &mut [2; 32]);
    let (own, peers) =
        (|| Kem::new(Role::Initiator, &seed()).unwrap(), || Kem::new(Role::Responder, &seed()).unwrap());
    let key = own().public_key().unwrap();
    assert!(peers().public_key().is_none());
    assert!(!own().set_peers_key(&key) && peers().set_peers_key(&key));
    assert!(!peers().set_peers_key(&key[1..]) && !peers().set_peers_key(&[0; KEM_KEY_LEN + 1]));
    assert!(own().encapsulate().is_none() && peers().encapsulate().is_none());
    assert!(own().decapsulate(&[0; KEM_CIPHERTEXT_LEN]).is_some());
    assert!(own().decapsulate(&[0; KEM_CIPHERTEXT_LEN - 1]).is_none());
    assert!(peers().decapsulate(&[0; KEM_CIPHERTEXT_LEN]).is_none());
}
