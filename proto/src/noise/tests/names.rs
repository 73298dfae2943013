//! Reading and writing protocol names (Noise section 8).

use super::super::*;
use super::every_protocol;
use crate::noise::error::NameError as E;
use alloc::format;
use alloc::string::ToString;

#[test]
fn every_name_prints_as_it_was_read() {
    let names = every_protocol("ChaChaPoly_BLAKE2s");
    assert_eq!(names.len(), if cfg!(feature = "pq") { 1320 } else { 776 });
    for name in names {
        assert_eq!(name.parse::<Protocol>().unwrap().to_string(), name);
    }
}

#[test]
fn every_suite_is_read_unless_compiled_out() {
    for cipher in ["ChaChaPoly", "AESGCM"] {
        for hash in ["BLAKE2s", "BLAKE2b", "SHA256", "SHA512"] {
            let name = format!("Noise_XX_25519_{cipher}_{hash}");
            let read = Protocol::parse(&name).map(|protocol| protocol.to_string());
            let expected = if cipher == "AESGCM" && !cfg!(feature = "aes-gcm") {
                Err(E::DisabledCipher)
            } else if hash.starts_with("SHA") && !cfg!(feature = "sha2") {
                Err(E::DisabledHash)
            } else {
                Ok(name)
            };
            assert_eq!(read, expected);
        }
    }
}

#[test]
fn a_kem_is_read_unless_compiled_out() {
    let name = "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_BLAKE2s";
    let read = Protocol::parse(name).map(|protocol| protocol.to_string());
    assert_eq!(read, if cfg!(feature = "pq") { Ok(name.to_string()) } else { Err(E::DisabledKem) });
}

#[test]
fn the_longest_name_fits_its_buffer_and_may_be_hashed() {
    let name = match cfg!(feature = "pq") {
        true => "Noise_X1X1hfs+psk0+psk1+psk2+psk3+psk4_25519+MLKEM768_ChaChaPoly_BLAKE2s",
        false => "Noise_X1X1fallback+psk0+psk1+psk2+psk3_25519_ChaChaPoly_BLAKE2s",
    };
    let longest = every_protocol("ChaChaPoly_BLAKE2s").into_iter().map(|name| name.len()).max();
    assert_eq!(longest, Some(name.len()));
    assert_eq!(Protocol::parse(name).unwrap().name().as_str(), name);
}

#[test]
fn refused_names_say_which_rule_they_break() {
    for (name, error) in [
        ("", E::Form),
        ("Noise", E::Form),
        ("noise_XX_25519_ChaChaPoly_BLAKE2s", E::Form),
        ("NoisePSK_XX_25519_ChaChaPoly_BLAKE2s", E::Form),
        ("Noise_XX_25519_ChaChaPoly", E::Form),
        ("Noise_XX_25519_ChaChaPoly_", E::Form),
        ("Noise__25519_ChaChaPoly_BLAKE2s", E::Form),
        ("Noise_XX_25519_ChaChaPoly_BLAKE2s_", E::Form),
        ("Noise_XX_25519_ChaChaPoly_BLAKE2s_x", E::Form),
        ("Noise_XX_25519_ChaChaPoly_BLAKE2s\n", E::Form),
        ("Noise_X\u{e9}_25519_ChaChaPoly_BLAKE2s", E::Form),
        ("Noise_XY_25519_ChaChaPoly_BLAKE2s", E::UnknownPattern),
        ("Noise_N1_25519_ChaChaPoly_BLAKE2s", E::UnknownPattern),
        ("Noise_NN1_25519_ChaChaPoly_BLAKE2s", E::UnknownPattern),
        ("Noise_psk0_25519_ChaChaPoly_BLAKE2s", E::UnknownPattern),
        ("Noise_xx_25519_ChaChaPoly_BLAKE2s", E::UnknownPattern),
        ("Noise_XX+psk0_25519_ChaChaPoly_BLAKE2s", E::ModifierForm),
        ("Noise_XXpsk0+_25519_ChaChaPoly_BLAKE2s", E::ModifierForm),
        ("Noise_XXpsk0++psk1_25519_ChaChaPoly_BLAKE2s", E::ModifierForm),
        ("Noise_XXpsk0+Psk1_25519_ChaChaPoly_BLAKE2s", E::ModifierForm),
        ("Noise_XX/psk0_25519_ChaChaPoly_BLAKE2s", E::ModifierForm),
        ("Noise_XXfallbacks_25519_ChaChaPoly_BLAKE2s", E::UnsupportedModifier),
        ("Noise_XXfallback+hfs_25519+MLKEM768_ChaChaPoly_BLAKE2s", E::HfsImpossible),
        ("Noise_XXhfs+fallback_25519+MLKEM768_ChaChaPoly_BLAKE2s", E::FallbackNotFirst),
        ("Noise_Nhfs_25519+MLKEM768_ChaChaPoly_BLAKE2s", E::HfsImpossible),
        ("Noise_XXpsk0+hfs_25519+MLKEM768_ChaChaPoly_BLAKE2s", E::HfsNotFirst),
        ("Noise_XXhfs+hfs_25519+MLKEM768_ChaChaPoly_BLAKE2s", E::HfsNotFirst),
        ("Noise_XXhfs_25519_ChaChaPoly_BLAKE2s", E::HfsAndKem),
        ("Noise_XX_25519+MLKEM768_ChaChaPoly_BLAKE2s", E::HfsAndKem),
        ("Noise_XXpsk0_25519+MLKEM768_ChaChaPoly_BLAKE2s", E::HfsAndKem),
        ("Noise_XXhfs_448_ChaChaPoly_BLAKE2s", E::UnsupportedDh),
        ("Noise_XXhfs_25519+448_ChaChaPoly_BLAKE2s", E::UnsupportedDh),
        ("Noise_XXhfs_25519+MLKEM1024_ChaChaPoly_BLAKE2s", E::UnsupportedDh),
        ("Noise_XXhfs_MLKEM768+25519_ChaChaPoly_BLAKE2s", E::UnsupportedDh),
        ("Noise_XXhfs_25519+ML-KEM-768_ChaChaPoly_BLAKE2s", E::Form),
        ("Noise_XXhfs_MLKEM768_ChaChaPoly_BLAKE2s", E::UnknownDh),
        ("Noise_XXfallback+psk3_25519_ChaChaPoly_BLAKE2s", E::PskOutOfRange),
        ("Noise_XXpsk3+fallback_25519_ChaChaPoly_BLAKE2s", E::FallbackNotFirst),
        ("Noise_XXfallback+fallback_25519_ChaChaPoly_BLAKE2s", E::FallbackNotFirst),
        ("Noise_IKfallback_25519_ChaChaPoly_BLAKE2s", E::FallbackImpossible),
        ("Noise_NKfallback_25519_ChaChaPoly_BLAKE2s", E::FallbackImpossible),
        ("Noise_Nfallback_25519_ChaChaPoly_BLAKE2s", E::FallbackImpossible),
        ("Noise_XXpsk_25519_ChaChaPoly_BLAKE2s", E::UnsupportedModifier),
        ("Noise_XXpsk00_25519_ChaChaPoly_BLAKE2s", E::UnsupportedModifier),
        ("Noise_XXpskx_25519_ChaChaPoly_BLAKE2s", E::UnsupportedModifier),
        ("Noise_XXpsk4_25519_ChaChaPoly_BLAKE2s", E::PskOutOfRange),
        ("Noise_XXpsk10_25519_ChaChaPoly_BLAKE2s", E::PskOutOfRange),
        ("Noise_XXpsk99999999999999999999999_25519_ChaChaPoly_BLAKE2s", E::PskOutOfRange),
        ("Noise_NNpsk3_25519_ChaChaPoly_BLAKE2s", E::PskOutOfRange),
        ("Noise_Npsk2_25519_ChaChaPoly_BLAKE2s", E::PskOutOfRange),
        ("Noise_Xpsk2_25519_ChaChaPoly_BLAKE2s", E::PskOutOfRange),
        ("Noise_XXpsk0+psk0_25519_ChaChaPoly_BLAKE2s", E::PskRepeated),
        ("Noise_XXpsk0+psk3+psk0_25519_ChaChaPoly_BLAKE2s", E::PskRepeated),
        ("Noise_XXpsk3+psk0_25519_ChaChaPoly_BLAKE2s", E::PskUnsorted),
        ("Noise_XX_448_ChaChaPoly_BLAKE2s", E::UnsupportedDh),
        ("Noise_XXhfs_25519+Kyber1024_ChaChaPoly_BLAKE2s", E::UnsupportedDh),
        ("Noise_XX_25519+448_ChaChaPoly_BLAKE2s", E::UnsupportedDh),
        ("Noise_XX_25518_ChaChaPoly_BLAKE2s", E::UnknownDh),
        ("Noise_XX_25519_ChaChaPoly1305_BLAKE2s", E::UnknownCipher),
        ("Noise_XX_25519_aesgcm_BLAKE2s", E::UnknownCipher),
        ("Noise_XX_25519_ChaChaPoly_BLAKE3", E::UnknownHash),
        ("Noise_XX_25519_ChaChaPoly_SHA256+SHA512", E::UnknownHash),
    ] {
        assert_eq!(Protocol::parse(name), Err(error), "{name}");
    }
}

#[test]
fn names_of_255_bytes_are_read_and_longer_ones_refused() {
    let name = |digits| format!("Noise_XXpsk{}_25519_ChaChaPoly_BLAKE2s", "9".repeat(digits));
    let fits = 255 - name(0).len();
    assert_eq!(Protocol::parse(&name(fits)), Err(E::PskOutOfRange));
    assert_eq!(Protocol::parse(&name(fits + 1)), Err(E::TooLong));
}

#[test]
fn a_protocol_says_whose_static_key_its_handshake_proves() {
    for (pattern, initiator, responder) in [
        ("NN", false, false),
        ("NK", false, true),
        ("NX", false, true),
        ("NX1", false, false),
        ("NK1", false, true),
        ("XN", true, false),
        ("XX", true, true),
        ("X1N", false, false),
        ("X1X1", false, true),
        ("IK", true, true),
        ("KK", true, true),
        ("IN", false, false),
        ("IX", false, true),
        ("IK1", false, true),
        ("KN", false, false),
        ("KX", false, true),
        ("KK1", false, true),
        ("K1K", true, true),
        ("INpsk0", false, false),
        ("IXpsk2", false, true),
        ("XXfallback", true, true),
    ] {
        let protocol = Protocol::parse(&format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s")).unwrap();
        let proves = [Role::Initiator, Role::Responder].map(|role| protocol.proves_static(role));
        assert_eq!(proves, [initiator, responder], "{pattern}");
    }
}

#[test]
fn a_protocol_says_which_keys_it_needs() {
    use Role::{Initiator, Responder};
    // Message 0's writer is the initiator unless the pattern is a fallback.
    // (pattern, psks, local static, remote static beforehand, sends static), initiator and responder each.
    for (pattern, psks, local, remote, sends) in [
        ("NN", 0, [false, false], [false, false], [false, false]),
        ("N", 0, [false, true], [true, false], [false, false]),
        ("K", 0, [true, true], [true, true], [false, false]),
        ("Xpsk1", 1, [true, true], [true, false], [true, false]),
        ("XXpsk0+psk3", 2, [true, true], [false, false], [true, true]),
        ("IK", 0, [true, true], [true, false], [true, false]),
        ("KN", 0, [true, false], [false, true], [false, false]),
        ("KX1", 0, [true, true], [false, true], [false, true]),
        ("XXfallback", 0, [true, true], [false, false], [true, true]),
        ("IXfallback+psk0", 1, [true, true], [false, true], [false, true]),
        ("KNfallback", 0, [true, false], [false, true], [false, false]),
        ("NK1fallback", 0, [false, true], [true, false], [false, false]),
    ] {
        let protocol = Protocol::parse(&format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s")).unwrap();
        assert_eq!(protocol.psk_count(), psks, "{pattern}");
        assert_eq!([Initiator, Responder].map(|role| protocol.needs_local_static(role)), local, "{pattern}");
        assert_eq!(
            [Initiator, Responder].map(|role| protocol.needs_remote_static(role)),
            remote,
            "{pattern}"
        );
        assert_eq!([Initiator, Responder].map(|role| protocol.sends_static(role)), sends, "{pattern}");
        assert_eq!(protocol.is_one_way(), pattern.len() == 1 || pattern == "Xpsk1", "{pattern}");
    }
}
