use super::*;

const CODES: &str = "0007 SE:ORGNR\n0088 GLN\n0106 NL:KVK\n0211 IT:IVA";

fn read(annotations: &[(&str, &str)]) -> Result<IdentifierRule, SchemaError> {
    let annotations = annotations
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    IdentifierRule::from_annotations("T", &annotations, |name| {
        let list = CodeList::parse(name, CODES).unwrap();
        Ok((name == "Codes").then(|| Arc::new(list)))
    })
}

fn rule(annotations: &[(&str, &str)]) -> IdentifierRule {
    read(annotations).unwrap()
}

fn canonical(rule: &IdentifierRule, id: &str) -> String {
    rule.canonical(id).unwrap().into_owned()
}

#[test]
fn the_scheme_keeps_its_case_and_the_value_does_not() {
    let rule = rule(&[
        ("lowercaseId", "afterScheme"),
        ("defaultScheme", "iso6523-actorid-upis"),
    ]);
    for (id, wanted) in [
        (
            "iso6523-actorid-upis::0088:AbC",
            "iso6523-actorid-upis::0088:abc",
        ),
        (
            "ISO6523-actorid-upis::0088:A::B",
            "ISO6523-actorid-upis::0088:a::b",
        ),
        ("0088:AbC", "iso6523-actorid-upis::0088:abc"),
    ] {
        assert_eq!(canonical(&rule, id), wanted);
    }
}

const LISTED: [(&str, &str); 4] = [
    ("lowercaseId", "afterScheme"),
    ("defaultScheme", "s"),
    ("codeList", "Codes"),
    ("onlyListed", ""),
];

#[test]
fn what_a_value_begins_with_has_a_code_and_a_name() {
    let rule = rule(&LISTED);
    for (id, wanted) in [
        ("NL:KVK:123", "s::0106:123"),
        ("nl_kvk:123", "s::0106:123"),
        ("t::Gln:A", "t::0088:a"),
        ("0106:123", "s::0106:123"),
        ("GLN:GLN:1", "s::0088:gln:1"),
        ("s::IT:IVA:IT02551570308", "s::0211:it02551570308"),
    ] {
        assert_eq!(canonical(&rule, id), wanted);
        assert_eq!(canonical(&rule, wanted), wanted);
    }
}

#[test]
fn what_begins_with_the_name_of_no_code_of_the_list_is_refused() {
    let rule = rule(&LISTED);
    for id in [
        "XGLN:1",
        "XX:FOO:1",
        "xx_foo:1",
        "IT-IVA:1",
        "IT.IVA:1",
        "9999:1",
        "NL:KVK",
        "s::XX:FOO:1",
        "s::s2::0088:1",
        "s:0211:1",
        ":1",
        "s::0211 :1",
        "0211::1",
        "s::0211::1",
        "IT:IVA::1",
        "0211:",
        "s::gln:",
        "0211: 1",
        // In full width.
        "\u{ff10}\u{ff12}\u{ff11}\u{ff11}:1",
        "0211:\u{ff11}",
        "t::0211:\u{ff11}",
    ] {
        assert!(rule.canonical(id).is_err(), "{id}");
    }
}

/// They are no names of anything in the store, and so unknown.
#[test]
fn what_is_no_name_of_a_code_is_an_id_that_nothing_new_has() {
    let rule = rule(&LISTED);
    for id in [
        "nobody",
        "123",
        "a-b-c:0211:1",
        "{\"id\":1}",
        "s::",
        "S::0211:1",
        "s:0211:1",
        "s%3A%3A0211:1",
        "s::s::0211:1",
        "s2::s::0211:1",
        "\u{17f}e:orgnr:1",
        "\u{661}\u{661}\u{661}\u{661}:1",
        "s:: 0211:1",
        "s ::0211:1",
        "+0211:1",
    ] {
        // Some are refused wherever they are written.
        if let Ok(canonical) = rule.canonical(id) {
            assert!(rule.check_new(&canonical).is_err(), "{id}");
        }
    }
    for id in ["0211:a b", "0211:å", "gln:1", "s::gln:1"] {
        let canonical = canonical(&rule, id);
        assert_eq!(rule.check_new(&canonical), Ok(()), "{id}");
    }
}

/// `é` of two characters is the same to a program that normalizes, and so are Kelvin's sign and full width.
#[test]
fn nothing_new_is_called_by_another_form_of_a_name() {
    for annotations in [&[][..], &[("lowercaseId", "all")]] {
        let rule = rule(annotations);
        assert_eq!(rule.check_new("jos\u{e9}"), Ok(()));
        for id in ["jose\u{301}", "mi\u{212a}e", "\u{ff4d}ia"] {
            assert!(rule.check_new(&canonical(&rule, id)).is_err(), "{id}");
        }
    }
}

#[test]
fn something_new_has_a_value_of_the_pattern() {
    let pattern = [("valuePattern", "[0-9A-Za-z._~-]{1,10}")];
    let rule = rule(&[&LISTED[..], &pattern].concat());
    for id in [
        "0211:a-B_c.d~1",
        "s::IT:IVA:IT1",
        "gln:1234567890",
        // Other schemes name other things.
        "t::0211:1",
        "t-2::XX:FOO:1",
    ] {
        let canonical = canonical(&rule, id);
        assert_eq!(rule.check_new(&canonical), Ok(()), "{id}");
    }
    for id in [
        "0211:a#",
        "0211:a/",
        "0211:a b",
        "0211:å",
        "0211:a:b",
        "0211:a::b",
        "0211:%41",
        "0211:12345678901",
        "0211:\u{661}",
        "0211:a\\",
        "0211:a?x=1",
        "0211:a,0211:b",
    ] {
        let canonical = canonical(&rule, id);
        assert!(rule.check_new(&canonical).is_err(), "{id}");
    }
}

/// A scheme that somebody could take for the default one, or for a part of the name of a code.
#[test]
fn nothing_new_has_a_scheme_that_is_like_another() {
    let mut annotations = LISTED;
    annotations[1] = ("defaultScheme", "iso6523-actorid-upis");
    let rule = rule(&annotations);
    for id in [
        "busdox-actorid-upis::0211:1",
        "actorid::0211:1",
        "iso6523::0211:1",
        "iso6523-upis::0211:1",
        "it::iva:1",
        "nl::kvk:1",
        "se::orgnr:1",
    ] {
        let canonical = canonical(&rule, id);
        assert!(rule.check_new(&canonical).is_err(), "{id}");
    }
    for id in [
        "iso6523-actorid-upis::0211:1",
        "t::0211:1",
        "it::1",
        "it::ivan:1",
    ] {
        let canonical = canonical(&rule, id);
        assert_eq!(rule.check_new(&canonical), Ok(()), "{id}");
    }
}

/// An address is written in one way, where the schema says that it is one.
#[test]
fn something_new_that_is_an_address_is_plain() {
    let mailbox = rule(&[("lowercaseId", "all"), ("mailbox", "")]);
    let any = rule(&[("lowercaseId", "all")]);
    for id in [
        "Mia@x.example.",
        "\"mia\"@x.example",
        "mia@x.example,a@x.example",
    ] {
        assert!(mailbox.check_new(&canonical(&mailbox, id)).is_err(), "{id}");
        assert_eq!(any.check_new(&canonical(&any, id)), Ok(()), "{id}");
    }
    assert_eq!(mailbox.check_new("mia@x.example"), Ok(()));
}

#[test]
fn a_number_that_is_not_listed_is_one_where_the_schema_says_so() {
    let rule = rule(&LISTED[..3]);
    for (id, wanted) in [("9999:A", "s::9999:a"), ("gln:A", "s::0088:a")] {
        assert_eq!(canonical(&rule, id), wanted);
        assert_eq!(rule.check_new(wanted), Ok(()));
    }
    for id in ["99999:a", "XX:FOO:1", "x999:1"] {
        assert!(rule.canonical(id).is_err(), "{id}");
    }
}

#[test]
fn a_list_is_of_a_type_of_the_schema_and_for_values_behind_a_scheme() {
    for annotations in [
        &[("lowercaseId", "afterScheme"), ("codeList", "Others")][..],
        &[("lowercaseId", "all"), ("codeList", "Codes")],
        &[("codeList", "Codes")],
        &[("lowercaseId", "afterScheme"), ("onlyListed", "")],
        &[
            ("lowercaseId", "afterScheme"),
            ("samePrefixes", "GLN:=0088:"),
        ],
        &[("lowercaseId", "none")],
        &[("lowercaseId", "afterScheme"), ("valuePattern", "[a]{1,2}")],
        &[
            ("lowercaseId", "afterScheme"),
            ("codeList", "Codes"),
            ("valuePattern", "a+"),
        ],
    ] {
        assert!(read(annotations).is_err(), "{annotations:?}");
    }
}

#[test]
fn without_an_annotation_an_id_is_opaque() {
    assert_eq!(canonical(&rule(&[]), "U-1::X"), "U-1::X");
    assert!(rule(&[]).canonical("victim\u{1f}").is_err());
}

/// Kelvin's sign is no `k`, and a dotted capital I no `i`: whoever can have such an address is
/// not whoever has the other.
#[test]
fn no_other_letter_becomes_one_of_ascii() {
    let rule = rule(&[("lowercaseId", "all")]);
    for (id, wanted) in [
        ("MIKE@X", "mike@x"),
        ("MI\u{212a}E@X", "mi\u{212a}e@x"),
        ("mi\u{212a}e@x", "mi\u{212a}e@x"),
        ("\u{130}DA@X\u{130}", "\u{130}da@x\u{130}"),
        ("\u{17f}AM@x", "\u{17f}am@x"),
        ("JÖRG@x", "jörg@x"),
        ("\u{ff2d}@x", "\u{ff4d}@x"),
    ] {
        assert_eq!(canonical(&rule, id), wanted);
        assert_eq!(canonical(&rule, wanted), wanted);
    }
    for letter in (128..=0x10_ffff).filter_map(char::from_u32) {
        let text = letter.to_string();
        let folded = lower(&text);
        assert!(
            !folded.contains(|c: char| c.is_ascii()),
            "{letter:?} {folded}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn canonical_is_idempotent(id in "(0211:|it:iva:|GLN:)?[\\PC\u{130}\u{212a}]{0,12}(::)?\\PC{0,12}") {
        for annotations in [&[("lowercaseId", "all")][..], &LISTED[..2], &LISTED[..3], &LISTED] {
            let rule = rule(annotations);
            if let Ok(once) = rule.canonical(&id) {
                let twice = rule.canonical(&once).map(Cow::into_owned);
                proptest::prop_assert_eq!(twice, Ok(once.clone().into_owned()));
            }
        }
    }
}
