use super::*;

/// The key and the note of the documentation of Go's golang.org/x/mod/sumdb/note.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
                       then you don't know what your problem is.\n\
                       \n\
                       — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn notes_and_keys_are_those_of_gos_documentation() {
    let key: VerifierKey = GO_KEY.parse().expect("a key");
    assert_eq!((key.to_string().as_str(), hex::encode(key.key_id()).as_str()), (GO_KEY, "c74f20a3"));
    let note: Note = GO_NOTE.parse().expect("a note");
    assert_eq!(note.to_string(), GO_NOTE);
    assert_eq!(key.signatures_in(&note).count(), 1);
}

#[test]
fn what_is_no_note_or_key_is_refused() {
    let long = format!("{}\n\n— a AAAAAAE=\n", "a".repeat(NOTE_MAX_BYTES));
    for bad in [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— a\n",
        "text\n\n— a+b AAAAAAE=\n",
        "text\n\n- a AAAAAAE=\n",
        "t\r\n\n— a AAAAAAE=\n",
        "text\n\n— a AAAAAA==\n",
        &long,
    ] {
        assert_eq!(bad.parse::<Note>(), Err(InvalidNote), "{}", &bad[..bad.len().min(80)]);
    }
    for bad in ["", "a", "a+b", "a+c74f20a3+AA==", &GO_KEY.replace("c74f", "c74e"), &GO_KEY.replace("Peter", "P eter")]
    {
        assert_eq!(bad.parse::<VerifierKey>(), Err(InvalidVerifierKey), "{bad}");
    }
}

#[test]
fn a_checkpoint_is_three_lines_and_may_be_extended() {
    let checkpoint = Checkpoint { origin: "packages.example/log/acme".to_owned(), size: 7, root: Sha256::of(b"root") };
    let text = checkpoint.to_string();
    assert_eq!(text, format!("packages.example/log/acme\n7\n{}\n", BASE64_STANDARD.encode(Sha256::of(b"root").0)));
    assert_eq!(text.parse(), Ok(checkpoint.clone()));
    assert_eq!(format!("{text}more\n").parse(), Ok(checkpoint));
    for bad in [
        "",
        "a\n7\n",
        "a\n07\nAA==\n",
        &text.replace("7\n", "-7\n"),
        text.trim_end(),
        &text.replace("packages", &"p".repeat(ORIGIN_MAX_BYTES)),
    ] {
        assert_eq!(bad.parse::<Checkpoint>(), Err(InvalidCheckpoint), "{bad}");
    }
}
