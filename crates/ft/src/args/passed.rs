//! `--listen-fd`: sockets that listen already and were passed to this program.

use super::Environment;
use super::failure::said;
use super::values::nearest;

/// The first descriptor that a service manager passes (`SD_LISTEN_FDS_START`, sd_listen_fds(3)).
const START: i32 = 3;

/// The descriptors that are meant: a number, the name that the service manager gave, or `all`.
pub(super) fn descriptors(words: &[String], environment: &Environment) -> Result<Vec<i32>, String> {
    let mut all = Vec::new();
    for word in words {
        for number in meant(word, environment)? {
            if all.contains(&number) {
                return Err(format!("descriptor {number} is named twice: name it once"));
            }
            all.push(number);
        }
    }
    Ok(all)
}

fn meant(word: &str, environment: &Environment) -> Result<Vec<i32>, String> {
    if let Ok(number) = word.parse::<i32>() {
        return match number {
            START.. => Ok(vec![number]),
            _ => Err("--listen-fd: descriptors 0, 1 and 2 belong to others: pass it as 3".into()),
        };
    }
    let passed = &environment.passed;
    if passed.is_empty() {
        return Err(format!(
            "--listen-fd {}: no service manager has passed a socket (LISTEN_FDS and LISTEN_PID \
             are not those of this process)",
            said(word)
        ));
    }
    let numbers: Vec<i32> = (START..)
        .zip(passed)
        .filter(|(_, name)| word == "all" || *name == word)
        .map(|(number, _)| number)
        .collect();
    if numbers.is_empty() {
        let names = passed
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty());
        let near = nearest(word, names).map(|near| format!("; did you mean '{}'?", said(near)));
        return Err(format!(
            "--listen-fd {}: no socket of that name was passed{}",
            said(word),
            near.unwrap_or_default()
        ));
    }
    Ok(numbers)
}
