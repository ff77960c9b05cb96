use super::*;

const SECRET: &[u8] = b"It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        headers.append(*name, value.parse().expect("a value"));
    }
    headers
}

#[test]
fn githubs_published_vector_is_good() {
    assert!(is_of(&key(SECRET), &headers(&[(HEADER, SIGNATURE)]), BODY));
}

#[test]
fn everything_else_is_not() {
    let wrong = format!("{}8", &SIGNATURE[..SIGNATURE.len() - 1]);
    let upper = SIGNATURE.replace("sha256", "SHA256");
    for (why, all) in [
        ("no signature", vec![]),
        ("another signature", vec![(HEADER, wrong.as_str())]),
        ("nothing behind the prefix", vec![(HEADER, "sha256=")]),
        ("no prefix", vec![(HEADER, &SIGNATURE["sha256=".len()..])]),
        ("another prefix", vec![(HEADER, upper.as_str())]),
        ("one digit too few", vec![(HEADER, &SIGNATURE[..SIGNATURE.len() - 1])]),
        ("two signatures", vec![(HEADER, SIGNATURE), (HEADER, SIGNATURE)]),
        ("only the old one", vec![("x-hub-signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")]),
        (
            "nothing but zeros",
            vec![(HEADER, "sha256=0000000000000000000000000000000000000000000000000000000000000000")],
        ),
    ] {
        assert!(!is_of(&key(SECRET), &headers(&all), BODY), "{why}");
    }
    assert!(!is_of(&key(SECRET), &headers(&[(HEADER, SIGNATURE)]), b"Hello, World?"), "another body");
    assert!(!is_of(&key(b"another"), &headers(&[(HEADER, SIGNATURE)]), BODY), "another secret");
}
