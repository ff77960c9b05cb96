use proptest::prelude::*;

use super::*;

const KINDS: [TokenKind; 4] = [TokenKind::Operator, TokenKind::Api, TokenKind::AccessKey, TokenKind::Feed];

fn example() -> Token {
    let secret = std::array::from_fn(|index| u8::try_from(index * 7).expect("31 * 7 fits a byte"));
    Token::new(TokenKind::Api, Uuid::from_u128(0x0193_1b2e_6f0a_7c3e_8d54_2f6a_9b1c_0d3e), secret)
}

/// Pinned, because tokens written down today must be read for ever. CRC-32 and base 62 computed with Python.
#[test]
fn a_tokens_text_never_changes() {
    assert_eq!(example().text(), "pkd_api_02yDdpBuVuAMNwktwT98L0_00P7TMJAMtIAKPK15KMeONVl8lPkp3Q5J7OZtDH3YNd3NYPa5");
}

#[test]
fn a_tokens_length_is_known_beforehand() {
    let longest = Token::new(TokenKind::Feed, Uuid::max(), [255; 32]).text();
    assert_eq!(longest.len(), TOKEN_MAX_CHARS);
    assert!(Token::parse(&longest).is_ok());
    assert_eq!(Token::parse(&format!("{longest}0")).expect_err("one more"), InvalidToken::Malformed);
    assert!(Token::parse(&Token::new(TokenKind::Operator, Uuid::nil(), [0; 32]).text()).is_ok());
}

#[test]
fn every_single_character_change_is_refused() {
    for kind in KINDS {
        let text = Token { kind, ..example() }.text();
        for position in 0..text.len() {
            for replacement in 0_u8..128 {
                let mut changed = text.clone().into_bytes();
                if changed[position] != replacement {
                    changed[position] = replacement;
                    let changed = String::from_utf8(changed).expect("ascii");
                    assert!(Token::parse(&changed).is_err(), "{changed}");
                }
            }
        }
    }
}

#[test]
fn every_cut_and_every_swap_of_neighbours_is_refused() {
    let text = example().text();
    for position in 0..text.len() {
        assert!(Token::parse(&text[..position]).is_err());
        let mut swapped = text.clone().into_bytes();
        if position > 0 && swapped[position] != swapped[position - 1] {
            swapped.swap(position, position - 1);
            assert!(Token::parse(&String::from_utf8(swapped).expect("ascii")).is_err());
        }
    }
}

#[test]
fn a_number_too_big_for_its_field_is_refused_so_that_a_token_has_one_text() {
    let (head, checksum) = {
        let text = Token::new(TokenKind::Operator, Uuid::nil(), [0; 32]).text();
        let (head, checksum) = text.split_at(text.len() - CHECKSUM_CHARS);
        (head.to_owned(), checksum.to_owned())
    };
    let [value] = base62::decode::<1>(&checksum).expect("digits");
    let wrapped = base62::encode::<1, CHECKSUM_CHARS>([value + (1 << 32)]);
    assert_eq!(Token::parse(&format!("{head}{wrapped}")).expect_err("wrapped"), InvalidToken::Checksum);
    assert_eq!(parse_id_text(&"z".repeat(ID_CHARS)), None);
    let zs = format!("pkd_op_{}_{}000000", id_text(Uuid::nil()), "z".repeat(SECRET_CHARS));
    assert_eq!(Token::parse(&zs).expect_err("2^256 and more"), InvalidToken::Malformed);
}

#[test]
fn errors_and_debug_never_show_the_secret() {
    let token = example();
    let text = token.text();
    let secret = text.rsplit('_').next().expect("secret");
    let debug = format!("{token:?}");
    assert!(!debug.contains(&secret[..SECRET_CHARS]) && !debug.contains("secret"), "{debug}");
    let error = Token::parse(&text[..text.len() - 1]).expect_err("cut");
    assert!(!format!("{error} {error:?}").contains(&secret[..10]));
}

#[test]
fn only_the_recorded_secret_matches() {
    let token = example();
    assert!(token.matches(&token.secret_sha256()));
    let other = Token::new(token.kind(), token.id(), [1; 32]);
    assert!(!other.matches(&token.secret_sha256()));
    assert!(!token.matches(&Sha256([0; 32])));
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(kind in 0..KINDS.len(), id: u128, secret: [u8; 32]) {
        let token = Token::new(KINDS[kind], Uuid::from_u128(id), secret);
        let read = Token::parse(&token.text()).expect("own text");
        prop_assert_eq!((read.kind(), read.id(), read.secret), (token.kind, token.id, secret));
        prop_assert_eq!(read.text(), token.text());
    }

    #[test]
    fn an_id_is_read_again(id: u128) {
        let text = id_text(Uuid::from_u128(id));
        prop_assert_eq!(text.len(), ID_CHARS);
        prop_assert_eq!(parse_id_text(&text), Some(Uuid::from_u128(id)));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,120}", tail in "pkd_(op|api|key|feed)_[0-9A-Za-z]{20,24}_\\PC{40,60}") {
        let _ = Token::parse(&text);
        let _ = Token::parse(&tail);
        let _ = parse_id_text(&text);
    }
}
