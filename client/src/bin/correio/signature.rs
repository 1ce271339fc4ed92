//! The signature under the body of a mail.

/// The line before a signature (RFC 3676, section 4.3). Mail programs leave out what follows it
/// when they quote a mail.
const SEPARATOR: &str = "-- ";

/// A body with the signature under it. A body that has it already, and an empty body, stay as they
/// are; so does any body if there is no signature.
pub(crate) fn add(body: &str, signature: Option<&str>) -> String {
    let signature = signature.map(str::trim_end).unwrap_or_default();
    let block = format!("{SEPARATOR}\n{signature}");
    let text = body.trim_end();
    let has_it = text.strip_suffix(&block).is_some_and(|before| before.ends_with('\n'));
    match signature.is_empty() || text.is_empty() || has_it {
        true => body.to_owned(),
        false => format!("{text}\n\n{block}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_added_once() {
        let signed = add("Às oito?\n\n", Some("Tony\nStark Industries\n"));
        assert_eq!(signed, "Às oito?\n\n-- \nTony\nStark Industries\n");
        assert_eq!(add(&signed, Some("Tony\nStark Industries")), signed);
        let quoted = format!("{signed}Sim.\n");
        assert!(add(&quoted, Some("Pepper")).ends_with("Sim.\n\n-- \nPepper\n"));
    }

    #[test]
    fn without_a_signature_or_a_text_nothing_is_added() {
        for (body, signature) in [("Oi\n", None), ("Oi\n", Some(" \n")), (" \n", Some("Tony"))] {
            assert_eq!(add(body, signature), body);
        }
    }
}
