//! Texts made from the definition of the options: help, manual pages, completions.

use clap::builder::{Resettable, StyledStr};
use clap::{Arg, ArgAction, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::cli::{ADDRESSES, Cli, END, LIMITS, SHOWN};
use super::example::{block, examples};
use super::failure::said;
use super::service::relay::RELAY;
use super::values::nearest;
use super::verb::VERBS;

/// Nothing but what is needed, so that `-h` fits one screen.
const TEMPLATE: &str = "{about}\n{usage-heading} {usage}\n\n{all-args}{after-help}\n";

const MORE: &str = "More: --help shows every option; ft explain --idle explains one.";
const MORE_OF_BENCH: &str = "More: --help shows every option; ft explain --rate explains one.";

/// The definition of every option, with help of this width.
pub(super) fn command(width: usize) -> Command {
    let mut command = Cli::command()
        .term_width(width)
        .help_template(TEMPLATE)
        .args_override_self(true)
        .after_help("ft COMMAND -h shows its options; ft explain WORD explains a word.")
        .after_long_help(block(None))
        .arg(help_flag())
        .arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help("Print the version"),
        );
    for verb in VERBS {
        command = command.mut_subcommand(verb, |command| {
            let command = command
                .help_template(TEMPLATE)
                .args_override_self(true)
                .after_long_help(block(Some(verb)))
                .disable_help_flag(true);
            let command = match verb {
                "relay" => serving_a_relay(command),
                "bench" => command.mut_args(without_data),
                _ => command,
            };
            match verb {
                "listen" | "connect" | "relay" | "bench" => command
                    .arg(help_flag().help_heading(SHOWN).hide_short_help(true))
                    .after_help(match verb {
                        "bench" => MORE_OF_BENCH,
                        _ => MORE,
                    }),
                _ => command.arg(help_flag()),
            }
        });
    }
    command
}

/// The words of `ft listen` for a command whose service is chosen: other services' options are
/// refused as there, but not shown.
fn serving_a_relay(command: Command) -> Command {
    let own = [ADDRESSES, END, LIMITS, SHOWN, RELAY];
    command.mut_args(|argument| {
        let heading = argument.get_help_heading();
        let foreign = heading.is_some_and(|heading| !own.contains(&heading));
        match argument.get_id().as_str() {
            "address" => argument.value_name("LISTEN").required(true),
            // With sockets that were passed there is no LISTEN: ft listen --listen-fd FD relay.
            "listen_fd" => argument.hide(true),
            "service" => argument
                .value_name("DESTINATION")
                .required(true)
                .help("HOST:PORT, or several with commas, each of which has its turn")
                .long_help(
                    "HOST:PORT, or several with commas, each of which has its turn\n\nOne that \
                     fails comes last for 5 s, and its client tries the next.",
                ),
            "raw" => argument.hide(true),
            _ if foreign => argument.hide(true),
            _ => argument,
        }
    })
}

/// Options about the bytes themselves are refused where nobody sees them, and not shown.
fn without_data(argument: Arg) -> Arg {
    match argument.get_id().as_str() {
        "raw" | "dump" => argument.hide(true),
        _ => argument,
    }
}

fn help_flag() -> Arg {
    Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help("Print one screen with -h, everything and examples with --help")
}

/// What `ft` alone prints.
pub(super) fn help(width: usize) -> String {
    command(width).render_help().to_string()
}

/// The completions for a shell.
pub(super) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(80), "ft", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The manual page of `ft` or of one of its commands, as roff.
pub(super) fn manual(verb: Option<&str>) -> Result<String, String> {
    let mut command = command(80);
    command.build();
    let page = match verb {
        None | Some("ft") => command,
        Some(verb) => command
            .find_subcommand(verb)
            .filter(|_| VERBS.contains(&verb))
            .cloned()
            .ok_or_else(|| no_page(verb))?,
    };
    let nothing = || Resettable::<StyledStr>::Reset;
    let verb = verb.filter(|verb| *verb != "ft");
    let title = verb.map_or_else(|| "ft".to_owned(), |verb| format!("ft-{verb}"));
    let page = page.after_help(nothing()).after_long_help(nothing());
    let page = page.display_name(title.clone());
    // The page has room for what -h leaves out.
    let page = page.mut_args(|argument| argument.hide_short_help(false));
    let mut text = Vec::new();
    // A vector takes every byte.
    let _ = Man::new(page)
        .title(title)
        .section("1")
        .source(concat!("ft ", env!("CARGO_PKG_VERSION")))
        .manual("Fivetuple")
        .render(&mut text);
    let mut text = String::from_utf8_lossy(&text).into_owned();
    text.push_str(".SH EXAMPLES\n");
    for (command, what) in examples(verb) {
        text.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", roff(command), roff(what)));
    }
    Ok(text)
}

fn no_page(verb: &str) -> String {
    match nearest(verb, VERBS) {
        Some(near) => format!("unknown command '{}'; did you mean '{near}'?", said(verb)),
        None => format!(
            "unknown command '{}' (commands: {})",
            said(verb),
            VERBS.join(", ")
        ),
    }
}

/// A line of text with nothing that roff would take for its own.
fn roff(line: &str) -> String {
    let line = line
        .replace('\\', "\\\\")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    if line.starts_with('.') {
        format!("\\&{line}")
    } else {
        line
    }
}
