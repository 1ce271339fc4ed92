# Puts the nodes of a cluster under load, and takes the power of its members meanwhile. `scripts/cluster` reads this
# file, and has the functions and variables that it uses; it is no command.
# shellcheck shell=bash disable=SC2154 # The command sets the variables.

# Seconds that a killed node stays away, so that its clients go to another.
readonly node_away=5

# limits: further settings of nodes under load. All clients come from one machine and log in at once, which real users
# would not; the limits and the cost of bcrypt are those that scripts/load-test gives to a server of its own.
limits() {
    printf '%s\n' --directory members --lists members --bcrypt-cost 4 --hash-queue 20000 --max-connections 20000 \
        --connections-per-address 20000 --max-anonymous 20000 --failed-logins 0 --mails-per-hour 0 \
        --registrations-per-hour 0 --mailbox-mails 4000000000 --mailbox-bytes 1TiB
}

load_kills() { # N
    case $1 in '' | *[!0-9]* | 0*) usage 'load takes a number from 1 on' ;; esac
    under_load "$1" "$scenario"
}

# under_load N SCENARIO: runs the scenario against all nodes while the primary and a node lose their power N times each.
under_load() {
    local count=$1 scenario=$2 each=60 name victim servers=() fingerprint logins_before
    if [ "$nodes" -lt 2 ] || [ "$load" = no ]; then
        fail 'the load needs two nodes that let it in: scripts/cluster up --nodes 2 --load'
    fi
    [ "$timing" = short ] || each=150
    fingerprint=$(sed -n 's/^fingerprint \([^ ]*\)$/\1/p' "$dir/node1/log" | head -n 1)
    for name in "${all_nodes[@]:0:$nodes}"; do servers+=(--server "$(address "$name"):$port"); done
    wait_for "$patience" 'not every pg member is the primary or a synchronous standby' whole
    rm -f "$dir/load.json"
    logins_before=$(logins)
    "$here/load-test" "$scenario" "${servers[@]}" --fingerprint "$fingerprint" --seconds $((count * each + 20)) \
        --patience 120 --json "$dir/load.json" >"$dir/load.out" 2>&1 &
    loader=$!
    trap 'kill "$loader" 2>/dev/null || true' EXIT
    trap 'exit 130' INT TERM HUP
    say "the load is built; its output is in $dir/load.out"
    # Building it takes minutes.
    wait_for 1800 'the load has not begun' load_begins
    load_began=$(now) kills=()
    # The clients register and log in first, over some seconds.
    wait_for 120 'not every user of the load has logged in' have_logged_in $((logins_before + $(users)))
    for _ in $(seq "$count"); do
        victim=$(need_primary)
        acts "$victim"
        kill_member "$victim"
        start_again "$victim"
        # Each node in turn.
        name=${all_nodes[$((${#kills[@]} / 2 % nodes))]}
        acts "$name"
        kill_power "$name"
        sleep "$node_away"
        start_again "$name"
    done
    local status=0
    wait "$loader" || status=$?
    cat "$dir/load.out"
    after_kills
    [ "$status" = 0 ] || fail "the load test ended with status $status"
}

load_begins() {
    kill -0 "$loader" || fail "the load test has ended: $(tail -n 2 "$dir/load.out")"
    grep -q 'closed load$' "$dir/load.out"
}

# users: how many users the scenario has. Clients with a behaviour of their own are left out: not all of them log in.
users() {
    local file=$here/load/scenarios/$scenario.toml
    [ -e "$file" ] || file=$scenario
    awk -F ' *= *' '
        /^\[/ { sum += count; count = 0; is_user = 1 }
        $1 == "behaviour" { is_user = 0; count = 0 }
        $1 == "count" && is_user { count = $2 }
        END { print sum + count }' "$file"
}

# logins: how many logins the nodes have counted since their starts.
logins() {
    local name
    for name in "${all_nodes[@]:0:$nodes}"; do
        curl --silent --fail --max-time 2 "http://$(address "$name"):$metrics_port/metrics" || true
    done | awk '$1 == "correio_logins_total" { sum += $2 } END { print sum + 0 }'
}

have_logged_in() { # LOGINS
    kill -0 "$loader" || fail "the load test has ended: $(tail -n 2 "$dir/load.out")"
    local found
    found=$(logins)
    echo "$found of $1 logins"
    [ "$found" -ge "$1" ]
}

# acts NAME: notes the kill of a member, unless the clients have stopped acting.
acts() {
    kill -0 "$loader" 2>/dev/null || fail "the load ended before $1 was killed: $(tail -n 2 "$dir/load.out")"
    kills+=("$1 $(seconds_since "$load_began")")
}

# after_kills: for each kill, how long no mail was acknowledged until the next kill, and after how long each client was
# connected; then the median and the longest of both for each kind of member.
after_kills() {
    printf '%s\n' "${kills[@]}" | jq -nR '[inputs | split(" ") | {name: .[0], at: (.[1] | tonumber)}]' >"$dir/kills"
    jq -r --slurpfile kills "$dir/kills" '
        def seconds: "\(. * 10 | round / 10) s";
        . as $all | ($kills[0] + [{at: .run.seconds}]) as $ends
        | [range($kills[0] | length) as $i | $ends[$i] as {$name, $at} | $ends[$i + 1].at as $until
            | {$name, $at, kind: (if $name | startswith("pg") then "primary" else "node" end),
                pause: ([$all.run.pauses[] | select(.began + .seconds > $at and .began < $until) | .seconds] | max // 0),
                back: ([$all.timeline[] | select(.at > $at and .at <= $until
                    and .gauges.fewest_connections < $all.run.clients) | .at - $at] | max // 0)}]
        | (map("\(.name) lost its power at \(.at | seconds): no mail acknowledged for \(.pause | seconds); "
            + "all clients connected after \(.back | seconds)") | .[]),
          (group_by(.kind)[] | "\(length) kills of a \(.[0].kind): no mail acknowledged for "
            + "\(map(.pause) | sort | .[length / 2 | floor] | seconds) (median), at most \(map(.pause) | max | seconds); "
            + "all clients connected after \(map(.back) | sort | .[length / 2 | floor] | seconds) (median), "
            + "at most \(map(.back) | max | seconds)")' "$dir/load.json"
}
