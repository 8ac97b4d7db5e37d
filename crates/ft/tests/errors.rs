//! Every error that people meet, made for real, and the whole of what `ft` says about it.
//!
//! Each case is a script in network, mount and process namespaces of its own, so that its ports
//! can be fixed ones, its sysctls can be changed, and nothing of it is left when it ends.

mod rig;
mod script;

use rig::has;
use script::check;

// ---- EADDRINUSE ----------------------------------------------------------------------------

#[test]
fn a_port_held_by_another_ft() {
    check(
        "in-use-by-ft",
        r#"$FT listen 8080 echo 2> log &
        wait_for grep ::1 log
        $FT listen 8080"#,
    );
}

#[test]
fn a_port_held_by_nc() {
    if has("nc") {
        check(
            "in-use-by-nc",
            r#"nc -l 127.0.0.1 8080 < /dev/null &
            wait_for grep ':1F90 ' /proc/net/tcp
            $FT listen 127.0.0.1:8080 echo"#,
        );
    }
}

#[test]
fn a_port_of_udp_held_by_another_program() {
    check(
        "in-use-by-udp",
        r#"peer 's = socket.socket(type=socket.SOCK_DGRAM); s.bind(("0.0.0.0", 8080)); ready()'
        $FT listen udp:8080 echo"#,
    );
}

#[test]
fn a_datagram_to_a_port_that_nobody_has() {
    check(
        "refused-datagram",
        "echo hello | $FT connect udp:127.0.0.1:8080",
    );
}

#[test]
fn a_line_that_is_longer_than_a_datagram_may_be() {
    check(
        "datagram-too-long",
        r#"$FT listen udp:8080 echo 2> log &
        wait_for grep ::1 log
        head -c 70000 /dev/zero | $FT connect udp:8080"#,
    );
}

#[test]
fn a_port_that_a_client_has_by_chance() {
    check(
        "in-use-by-a-client",
        r#"echo 45000 45000 > /proc/sys/net/ipv4/ip_local_port_range
        peer 's = open_socket(("127.0.0.1", 8080))
s.listen(); c = socket.create_connection(("127.0.0.1", 8080)); ready()'
        $FT listen 45000"#,
    );
}

#[test]
fn a_port_that_is_bound_and_not_listened_on() {
    if !kernel_shows_bound_sockets() {
        return;
    }
    check(
        "in-use-by-a-bound-socket",
        r#"peer 's = open_socket(("127.0.0.1", 8080)); ready()'
        $FT listen 8080"#,
    );
}

#[test]
fn a_port_in_time_wait_of_a_socket_without_reuseaddr() {
    check(
        "in-use-by-time-wait",
        r#"peer '
s = open_socket(("127.0.0.1", 8080)); s.listen()
c = socket.create_connection(("127.0.0.1", 8080)); a, _ = s.accept()
a.close(); c.recv(1); c.close(); s.close(); ready()'
        wait_for grep -q ':1F90 .* 06 ' /proc/net/tcp
        $FT listen 8080"#,
    );
}

#[test]
fn a_port_held_by_a_wildcard_and_a_wildcard_held_by_one_address() {
    check(
        "in-use-wildcard",
        r#"peer 's = open_socket(("0.0.0.0", 8080))
s.listen(); t = open_socket(("127.0.0.1", 9090)); t.listen(); ready()'
        $FT listen 127.0.0.1:8080; $FT listen '*:9090'"#,
    );
}

#[test]
fn a_port_held_by_a_dual_stack_socket() {
    check(
        "in-use-dual-stack",
        r#"peer 's = open_socket(("::", 8080), family=socket.AF_INET6); s.listen(); ready()'
        $FT listen 127.0.0.1:8080"#,
    );
}

#[test]
fn a_port_held_by_a_process_that_is_not_visible() {
    if has("setpriv") && is_root() {
        check(
            "in-use-not-visible",
            r#"peer 's = open_socket(("127.0.0.1", 8080)); s.listen(); ready()'
            cp $FT ft
            setpriv --reuid=65534 --regid=65534 --clear-groups ./ft listen 8080"#,
        );
    }
}

#[test]
fn a_port_on_which_another_socket_listens_between_bind_and_listen() {
    if has("strace") {
        // strace holds listen back until the other one, bound before with SO_REUSEADDR, listens.
        check(
            "in-use-at-listen",
            r#"mkfifo go
            peer '
s = open_socket(("127.0.0.1", 8080), True); ready()
open("go").read(); s.listen(); open("done", "w")'
            strace -f -qq -o calls -e trace=bind,listen -e inject=listen:delay_enter=1000000 \
                $FT listen 127.0.0.1:8080 & wait_for grep 'bind(.* = 0' calls
            echo > go; wait $!"#,
        );
    }
}

/// sock_diag tells of sockets that are bound and no more from Linux 6.8 on.
fn kernel_shows_bound_sockets() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs is there");
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(8))
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(
        root || std::env::var_os("CI").is_none(),
        "under CI nothing is skipped: root"
    );
    root
}

// ---- EACCES, EADDRNOTAVAIL, ports that have run out ----------------------------------------

#[test]
fn a_low_port_for_a_user_without_the_privilege() {
    if has("setpriv") && is_root() {
        check(
            "low-port",
            r#"echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start
            cp $FT ft
            setpriv --reuid=65534 --regid=65534 --clear-groups ./ft listen 80 echo"#,
        );
    }
}

#[test]
fn an_address_that_this_machine_does_not_have() {
    check(
        "not-local",
        "$FT listen 192.0.2.1:8080; $FT connect --source 192.0.2.1 127.0.0.1:8080",
    );
}

#[test]
fn every_port_of_the_range_is_taken() {
    check(
        "ports-exhausted",
        r#"echo 40000 40003 > /proc/sys/net/ipv4/ip_local_port_range
        peer '
s = open_socket(("127.0.0.1", 8080)); s.listen()
c = [socket.create_connection(("127.0.0.1", 8080)) for _ in range(4)]; ready()'
        $FT connect 127.0.0.1:8080"#,
    );
}

// ---- connect -------------------------------------------------------------------------------

#[test]
fn nobody_listens_there() {
    check(
        "refused",
        r#"$FT connect 127.0.0.1:8080; $FT connect 8080
        peer 's = open_socket(("::1", 9090), family=socket.AF_INET6); s.listen(); ready()'
        $FT connect 127.0.0.1:9090"#,
    );
}

#[test]
fn the_accept_queue_is_full() {
    check(
        "timed-out",
        r#"peer '
s = open_socket(("127.0.0.1", 8080)); s.listen(0)
c = socket.create_connection(("127.0.0.1", 8080)); ready()'
        $FT connect 127.0.0.1:8080 --connect-timeout 200ms"#,
    );
}

/// The commands of a relay at port 8080 and its client, and what the relay said.
const RELAY: &str = r#"
relay() {
    : > log # The relay of before has said "listening" in it.
    $FT relay 127.0.0.1:8080 "$@" 2> log < /dev/null &
    wait_for grep listening log
}
call() { printf hello | $FT connect 127.0.0.1:8080 > answer 2> /dev/null; echo "client: $?" >&2; }
told() {
    kill %%; wait %%
    sed 's/:[0-9]* →/:PORT →/; s/tcp closed: \([a-z ]*\),.*/tcp closed: \1/; /closed: released/d' log >&2
}
"#;

#[test]
fn a_relay_whose_destination_is_down() {
    check(
        "relay-down",
        &format!("{RELAY}relay 9090,127.0.0.1:9091; call; told"),
    );
}

#[test]
fn a_relay_whose_destination_is_a_black_hole() {
    if !has("nft") {
        return;
    }
    check(
        "relay-black-hole",
        &format!(
            "{RELAY}nft -f - <<< 'table inet t {{ chain c {{ type filter hook input priority 0; \
             tcp dport 9090 drop; }}; }}'
            relay 127.0.0.1:9090 --connect-timeout 300ms; call; told
            $FT listen 9091 echo < /dev/null 2> other & wait_for grep ::1 other
            relay 127.0.0.1:9090,127.0.0.1:9091 --connect-timeout 300ms; call; told; grep -c hello answer >&2"
        ),
    );
}

#[test]
fn a_relay_to_itself() {
    check(
        "relay-to-itself",
        "$FT relay '*:8080' 127.0.0.1:8080 < /dev/null; $FT relay 8080 one.example:80,localhost:8080
        $FT relay unix:/mnt/x unix:/mnt/x; $FT relay udp:8080 udp:8080
        printf '127.0.0.1 me.example\n' > hosts && mount --bind hosts /etc/hosts
        $FT relay me.example:8080 8080",
    );
}

#[test]
fn there_is_no_way_to_the_network_or_to_the_host() {
    check(
        "unreachable",
        r#"$FT connect 192.0.2.1:8080; $FT connect '[2001:db8::1]:8080'
        ip address add 198.51.100.1/24 dev lo; ip route add unreachable 203.0.113.0/24
        $FT connect 203.0.113.1:8080"#,
    );
}

// ---- descriptors, data ---------------------------------------------------------------------

#[test]
fn descriptors_run_out_while_a_server_runs() {
    if has("prlimit") {
        check(
            "descriptors",
            r#"$FT listen 127.0.0.1:8080 echo 2> log & wait_for grep listening log
            server=$! free=0; while [ -e /proc/$server/fd/$free ]; do free=$((free + 1)); done
            prlimit --pid $server --nofile=$free:1000
            peer 'c = socket.create_connection(("127.0.0.1", 8080)); ready()'
            wait_for grep EMFILE log; wait_for grep paused log
            prlimit --pid $server --nofile=100:1000
            wait_for grep '#1 ' log; kill $server; wait_for grep 'no longer' log
            kill $server; wait $server; status=$?
            sed '/^paused/q' log >&2; exit $status"#,
        );
    }
}

#[test]
fn the_peer_resets() {
    check(
        "reset",
        r#"peer '
s = open_socket(("127.0.0.1", 8080)); s.listen(); ready()
c, _ = s.accept(); c.recv(1); reset(c)'
        $FT connect 127.0.0.1:8080 < <(echo; open_end)"#,
    );
}

#[test]
fn the_peer_has_closed_and_we_go_on_sending() {
    check(
        "broken-pipe",
        r#"mkfifo input; exec {input}<> input
        peer '
s = open_socket(("127.0.0.1", 8080)); s.listen(); ready()
c, _ = s.accept(); c.close()'
        $FT connect 127.0.0.1:8080 < <(cat input; exec yes) & wait_for grep ':1F90 08 ' /proc/net/tcp
        echo > input; wait $!"#,
    );
}

// ---- names ---------------------------------------------------------------------------------

/// `nosuch`: no such name; `one`: one IPv4 address; `silent`: no answer.
const NAME_SERVER: &str = r#"
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' > resolv.conf
printf '127.0.0.1 localhost\n' > hosts
printf 'hosts: files dns\n' > nsswitch.conf
for file in resolv.conf hosts nsswitch.conf; do
    [ ! -e /etc/$file ] || mount --bind $file $(realpath /etc/$file)
done
peer '
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); ready()
while True:
    q, client = s.recvfrom(512)
    end = q.index(0, 12) + 5
    name, kind = q[13:13 + q[12]], q[end - 3]
    if name == b"silent": continue
    found = name == b"one" and kind == 1
    head = q[:2] + bytes((0x81, 0x80 if name == b"one" else 0x83, 0, 1, 0, found, 0, 0, 0, 0))
    record = bytes((0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1)) if found else b""
    s.sendto(head + q[12:end] + record, client)'
"#;

#[test]
fn there_is_no_such_name() {
    check(
        "no-such-name",
        &format!("{NAME_SERVER} $FT connect nosuch.example:8080"),
    );
}

#[test]
fn the_name_server_does_not_answer() {
    check(
        "no-answer",
        &format!("{NAME_SERVER} $FT connect silent.example:8080"),
    );
}

#[test]
fn the_name_has_no_address_of_that_family() {
    check(
        "no-address-of-family",
        &format!("{NAME_SERVER} $FT connect -6 one.example:8080"),
    );
}
