//! What the log costs; see `scripts/instructions`.

use super::tests::piece;
use super::*;

/// Counted by `scripts/instructions`: each time a line is published, and 50 members take it.
#[inline(never)]
fn instructions_of_hub_log(log: &mut Log, members: &[u64], times: usize) -> usize {
    let mut taken = 0;
    let mut parts = Vec::new();
    for _ in 0..times {
        log.append(
            members[0],
            [piece(
                "a line of 64 bytes, as the comparison with others sends them...\n",
            )],
        );
        for member in members {
            parts.clear();
            if log.take(*member, None, (&mut parts, 64)) == Taken::Parts {
                taken += parts.len();
                log.sent(*member, Place::at(parts[0].place.number + 1), &[]);
            }
        }
    }
    taken
}

#[test]
#[ignore = "scripts/instructions counts it"]
fn counted_hub_log() {
    let mut log = Log::new(Slow::DropOldest, 256 * 1024, 0);
    let members: Vec<u64> = (0..51).map(|_| log.join(Guest::Connection, None)).collect();
    let taken = instructions_of_hub_log(&mut log, &members, 1000);
    assert_eq!(taken, 50 * 1000);
}
