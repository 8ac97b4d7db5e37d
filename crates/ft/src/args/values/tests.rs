//! The values of options by example, and as properties.

use proptest::prelude::*;

use super::*;

#[test]
fn durations_are_numbers_with_units() {
    let cases = [
        ("500ms", 500),
        ("10s", 10_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("10", 10_000),
        ("0", 0),
        ("0.25", 250),
        ("1.5s", 1_500),
        ("1m30s", 90_000),
        ("1h2m3s4ms", 3_723_004),
        ("1.5h", 5_400_000),
        ("4294967295", 4_294_967_295_000),
    ];
    for (text, milliseconds) in cases {
        assert_eq!(
            duration(text),
            Ok(Duration::from_millis(milliseconds)),
            "{text}"
        );
    }
    assert_eq!(duration("0.000000001s"), Ok(Duration::from_nanos(1)));
}

#[test]
fn a_duration_that_is_nearly_right_is_spelled() {
    let meant = [
        ("10sec", "10s"),
        ("10 s", "10s"),
        ("1h 30m", "1h30m"),
        ("1,5s", "1.5s"),
        ("10S", "10s"),
        ("5min", "5m"),
        ("30s1m", "1m30s"),
        ("2days", "48h"),
        ("1d12h", "24h12h"),
        ("1m30", "1m30s"),
        ("1_000", "1000s"),
    ];
    for (text, spelled) in meant {
        let message = duration(text).unwrap_err();
        if text == "1d12h" {
            assert!(
                message.starts_with("not a duration: write a number"),
                "{message}"
            );
        } else {
            assert_eq!(
                message,
                format!("not a duration: write {spelled}"),
                "{text}"
            );
        }
    }
    for text in [
        "", "s", "+5", "5x", "1.", ".5", "1..5", "10s10s", "ten", "1e3", "５s",
    ] {
        let message = duration(text).unwrap_err();
        assert!(
            message.starts_with("not a duration: write a number and a unit"),
            "{text}"
        );
    }
    for text in [
        "4294967296",
        "2000000h",
        "99999999999999999999999h",
        "4294967295s1ms",
    ] {
        assert_eq!(
            duration(text).unwrap_err(),
            "the longest duration is 4294967295s",
            "{text}"
        );
    }
}

#[test]
fn never_is_a_duration_where_it_may_be() {
    assert_eq!(duration_or_never("never"), Ok(DurationOrNever::Never));
    assert_eq!(
        duration_or_never("5m"),
        Ok(DurationOrNever::After(Duration::from_mins(5)))
    );
    for text in ["Never", "nevr", "none", "off"] {
        assert_eq!(
            duration_or_never(text).unwrap_err(),
            "not a duration: write never",
            "{text}"
        );
    }
    assert!(
        duration_or_never("x")
            .unwrap_err()
            .ends_with("5m or 1h, or never")
    );
}

#[test]
fn sizes_are_decimal_or_binary() {
    let cases = [
        ("0", 0),
        ("4096", 4096),
        ("10k", 10_000),
        ("1.5M", 1_500_000),
        ("2G", 2_000_000_000),
        ("64Ki", 65_536),
        ("0.25Ki", 256),
        ("1Mi", 1 << 20),
        ("1Gi", 1 << 30),
        ("18446744073709551615", u64::MAX),
    ];
    for (text, bytes) in cases {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    let mistakes = [
        ("4K", "not a size: write 4k for 4000 bytes or 4Ki for 4096"),
        ("4KB", "not a size: write 4k for 4000 bytes or 4Ki for 4096"),
        (
            "1 MB",
            "not a size: write 1M for 1000000 bytes or 1Mi for 1048576",
        ),
        (
            "1m",
            "not a size: write 1M for 1000000 bytes or 1Mi for 1048576",
        ),
        ("4KiB", "not a size: write 4Ki"),
        ("4bytes", "not a size: write 4"),
        ("1_000", "not a size: write 1000"),
        (
            "4X",
            "not a size: write bytes, or a number with k M G or Ki Mi Gi",
        ),
        (
            "",
            "not a size: write bytes, or a number with k M G or Ki Mi Gi",
        ),
        ("-1", "the value is negative: write one without the sign"),
        ("1.5", "not a whole number of bytes"),
        ("1.0001k", "not a whole number of bytes"),
        (
            "17179869184Gi",
            "the largest size is 18446744073709551615 bytes",
        ),
        (
            "18446744073709551616",
            "the largest size is 18446744073709551615 bytes",
        ),
        (
            "99999999999999999999999G",
            "the largest size is 18446744073709551615 bytes",
        ),
    ];
    for (text, sentence) in mistakes {
        assert_eq!(size(text).unwrap_err(), sentence, "{text}");
    }
}

#[test]
fn retries_are_counted_or_endless() {
    assert_eq!(retry("0"), Ok(Retry::Times(0)));
    assert_eq!(retry("3"), Ok(Retry::Times(3)));
    assert_eq!(retry("forever"), Ok(Retry::Forever));
    for text in ["Forever", "forevr", "always", "-1"] {
        assert_eq!(
            retry(text).unwrap_err(),
            "not a number of retries: write forever",
            "{text}"
        );
    }
    for text in ["", "x", "+3", "1.5", "never"] {
        assert!(
            retry(text).unwrap_err().ends_with("such as 3, or forever"),
            "{text}"
        );
    }
    assert!(
        retry("4294967296")
            .unwrap_err()
            .starts_with("at most 4294967295 retries")
    );
}

#[test]
fn a_network_has_no_bits_beyond_its_length() {
    let cases = [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("fe80::/10", "fe80::/10"),
        ("::1", "::1/128"),
        ("::/0", "::/0"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
    ];
    for (text, read) in cases {
        assert_eq!(
            network(text).map(|network| network.to_string()),
            Ok(read.to_owned()),
            "{text}"
        );
    }
    let mistakes = [
        (
            "10.1.2.3/8",
            "10.1.2.3 has bits beyond /8: write 10.0.0.0/8",
        ),
        ("fe80::1/64", "fe80::1 has bits beyond /64: write fe80::/64"),
        (
            "10.0.0.0/255.0.0.0",
            "the length of a network is a number: write 10.0.0.0/8",
        ),
        (
            "0.0.0.0/0.0.0.0",
            "the length of a network is a number: write 0.0.0.0/0",
        ),
        (
            "10.0.0.0/255.0.255.0",
            "after / stands a number from 0 to 32",
        ),
        ("10.0.0.0/33", "after / stands a number from 0 to 32"),
        ("10.0.0.0/", "after / stands a number from 0 to 32"),
        ("10.0.0.0/+8", "after / stands a number from 0 to 32"),
        ("::/129", "after / stands a number from 0 to 128"),
        ("[::1]", "brackets are not needed: write ::1"),
        ("[fe80::]/10", "brackets are not needed: write fe80::/10"),
        (
            "fe80::1%eth0",
            "a network has no interface: leave out % and what follows",
        ),
        ("10/8", "not a network: write 10.0.0.0/8"),
        ("10.1/16", "not a network: write 10.1.0.0/16"),
        ("192.168.7", "not a network: write 192.168.7.0/24"),
        (
            "1.2.3.4.5",
            "not a network: write an address or ADDRESS/BITS, such as 10.0.0.0/8",
        ),
        (
            "localhost",
            "not a network: write an address or ADDRESS/BITS, such as 10.0.0.0/8; \
             names are not resolved",
        ),
        (
            "",
            "not a network: write an address or ADDRESS/BITS, such as 10.0.0.0/8",
        ),
    ];
    for (text, sentence) in mistakes {
        assert_eq!(network(text).unwrap_err(), sentence, "{text}");
    }
}

#[test]
fn a_source_is_an_address_and_perhaps_a_port() {
    let cases = [
        ("10.0.0.1", "10.0.0.1:0"),
        ("10.0.0.1:5000", "10.0.0.1:5000"),
        ("::1", "[::1]:0"),
        ("[::1]", "[::1]:0"),
        ("[::1]:5000", "[::1]:5000"),
        ("fe80::1%1", "[fe80::1%1]:0"),
        ("[fe80::1%lo]:5000", "[fe80::1%1]:5000"),
    ];
    for (text, read) in cases {
        assert_eq!(
            source(text).map(|source| source.to_string()),
            Ok(read.to_owned()),
            "{text}"
        );
    }
    for (text, sentence) in [
        (
            ":5000",
            "the address is missing: write 0.0.0.0:5000 or [::]:5000",
        ),
        (
            "localhost",
            "a source is an IP address of this machine, as ADDRESS or ADDRESS:PORT",
        ),
        (
            "10.0.0.1:x",
            "'x' is not a port: write a number from 0 to 65535 or a name such as http",
        ),
    ] {
        assert_eq!(source(text).unwrap_err(), sentence, "{text}");
    }
}

#[test]
fn the_nearest_word_is_at_most_two_slips_away() {
    let services = ["terminal", "echo", "discard", "hub", "exec"];
    for (word, found) in [
        ("ehco", Some("echo")),
        ("ECHO", Some("echo")),
        ("discrad", Some("discard")),
        ("termnal", Some("terminal")),
        ("hup", Some("hub")),
        ("hi", None),
        ("xyzzy", None),
        ("", None),
    ] {
        assert_eq!(nearest(word, services), found, "{word}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,12}|[0-9.]{0,30}[a-zA-Z]{0,3}|.{0,200}") {
        let errors = [
            duration(&text).err(),
            duration_or_never(&text).err(),
            size(&text).err(),
            retry(&text).err(),
            network(&text).err(),
            source(&text).err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(!error.is_empty() && !error.chars().any(char::is_control), "{}", error);
        }
    }

    #[test]
    fn a_spelling_that_is_offered_can_be_read(text in "[0-9]{1,3} ?(sec|min|S|days|hrs|, )?") {
        if let Err(message) = duration(&text)
            && let Some(meant) = message.strip_prefix("not a duration: write ")
            && !meant.starts_with("a number")
        {
            prop_assert!(duration(meant).is_ok(), "{} is offered for {}", meant, text);
        }
    }

    #[test]
    fn whole_milliseconds_are_read_exactly(milliseconds in 0..u64::from(u32::MAX)) {
        let expected = Ok(Duration::from_millis(milliseconds));
        prop_assert_eq!(duration(&format!("{milliseconds}ms")), expected);
    }
}
