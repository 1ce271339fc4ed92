# Starts and ends the members of a cluster on this machine. `scripts/cluster` reads this file; it is no command.
#
# It uses these variables of the command: `dir`, `base` (the first three numbers of the addresses), `number`, `bin`
# (PostgreSQL's programs), `patroni`, `program` (correiod), `password`, `timing`, `network`, `nodes`, `templates` (this
# directory), and the names of members; and its functions `address`, `url`, `wait_for` and `fail`. `started` has the
# members that it has started.
#
# A member has a directory in `dir`, with its settings, its data, its log, its certificate, and `process`: the process
# that ends it.
# shellcheck shell=bash disable=SC2154 # The command sets the variables.

started=()

# runs NAME: whether the process that `launch` noted exists. Its start time tells it from a later one with its number.
runs() {
    local pid start stat
    [ -e "$dir/$1/process" ] || return 1
    read -r pid start <"$dir/$1/process" || return 1
    read -r stat <"/proc/$pid/stat" || return 1
    read -ra stat <<<"${stat##*) }"
    # Fields 3 and 22 of proc(5).
    [ "${stat[0]}" != Z ] && [ "${stat[19]}" = "$start" ]
} 2>/dev/null

# launch NAME COMMAND...: runs a command as the first process of namespaces of its own. The process outside notes
# itself before it does anything else, so that nothing runs that `down` does not find.
launch() {
    local name=$1 space=() become=()
    shift
    if [ "$network" = yes ]; then
        space=(nsenter "--net=/run/netns/$(namespace "$name")")
    fi
    space+=(unshare --fork --pid --kill-child --mount-proc --ipc)
    if [ "$(id -u)" -eq 0 ]; then
        # A change of user clears the signal that --kill-child has set.
        become=(setpriv --reuid=postgres --regid=postgres --init-groups --pdeathsig KILL)
    else
        space+=(--user --map-current-user)
    fi
    # shellcheck disable=SC2016 # The inner shell expands it.
    setsid bash -c 'read -r stat <"/proc/$$/stat"; read -ra stat <<<"${stat##*) }"
        echo "$$ ${stat[19]}" >"$0/process.new" && mv "$0/process.new" "$0/process" && exec "$@"' "$dir/$name" \
        "${space[@]}" "${become[@]}" env -i HOME="$dir/$name" PATH="$bin:/usr/bin:/bin" LANG=C.UTF-8 "$@" \
        </dev/null >>"$dir/$name/log" 2>&1 &
    # The shell says nothing when the member is killed.
    disown
    wait_for 10 "$name has not started" test -e "$dir/$name/process"
    started+=("$name")
}

# power_off NAME: kills the first process of the member's namespace, with which the kernel ends all others.
power_off() {
    local pid start first name others=()
    for name in "${started[@]}"; do [ "$name" = "$1" ] || others+=("$name"); done
    started=("${others[@]}")
    runs "$1" || return 0
    read -r pid start <"$dir/$1/process"
    first=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) || true
    # shellcheck disable=SC2086 # One number, or none.
    kill -KILL ${first:-$pid} 2>/dev/null || true
    # unshare ends when the namespace is empty.
    for _ in $(seq 100); do
        runs "$1" || return 0
        sleep 0.1
    done
    fail "$1 does not end (process $pid, started at $start)"
}

# make_member NAME: its directory and its certificate.
make_member() {
    local place=$dir/$1
    [ ! -e "$place" ] || return 0
    rm -rf "$place.new"
    mkdir -m 700 "$place.new" "$place.new/tls"
    "$templates/certificates" "$dir/ca" "$1" "$(address "$1")" localhost
    cp "$dir/ca/ca.crt" "$place.new/tls/ca.crt"
    cp "$dir/ca/$1.crt" "$place.new/tls/member.crt"
    cp "$dir/ca/$1.key" "$place.new/tls/member.key"
    own "$place.new"
    mv "$place.new" "$place"
}

# setpriv itself may read what root may read; what env starts may not.
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups env "$@"; }

# own PATH: gives it to the user of the members.
own() { [ "$(id -u)" -ne 0 ] || chown -R postgres:postgres "$1"; }

# fill TEMPLATE NAME TO: replaces the words in capitals by those of a member.
fill() {
    local words=() name reach=$base.0/24
    # Whatever address a member has on loopback, its connections come from 127.0.0.1.
    [ "$network" = yes ] || reach=127.0.0.0/8
    for name in "${etcds[@]}"; do words+=(-e "s|ETCD-${name#etcd}|$(address "$name")|g"); done
    sed "${words[@]}" -e "s|\bMEMBER\b|$2|g" -e "s|\bADDRESS\b|$(address "$2")|g" -e "s|\bNETWORK\b|$reach|g" \
        -e "s|/etc/[a-z]*/tls|$dir/$2/tls|g" -e "s|\b[A-Z]*-PASSWORD\b|$password|g" "$templates/$1" >"$3"
    ! grep -nE '\b(MEMBER|ADDRESS|NETWORK|ETCD-[0-9]|PASSWORD)\b' "$3" || fail "words of $1 are not replaced"
    own "$3"
    chmod 600 "$3"
}

# change FILE KEY VALUE: changes a setting of the template, which must be there once.
change() {
    [ "$(grep -cE "^ *$2[:=]" "$1")" = 1 ] || fail "$1 must have one setting $2"
    sed -i -E "s|^( *)$2([:=] ?).*|\1$2\2$3|" "$1"
}

start_etcd() { # NAME
    local file=$dir/$1/settings settings
    make_member "$1"
    fill etcd.default "$1" "$file"
    change "$file" ETCD_DATA_DIR "$dir/$1/data"
    mapfile -t settings < <(grep -v '^#' "$file")
    launch "$1" "${settings[@]}" ETCD_LOG_LEVEL=warn etcd
}

start_database() { # NAME
    local file=$dir/$1/patroni.yml
    make_member "$1"
    fill patroni.yml "$1" "$file"
    if [ "$timing" = short ]; then
        change "$file" ttl 5
        change "$file" loop_wait 1
        change "$file" retry_timeout 2
    fi
    change "$file" data_dir "$dir/$1/data"
    change "$file" bin_dir "$bin"
    change "$file" pgpass "$dir/$1/pgpass"
    # System V's shared memory ends with the namespace; the files of the default would stay.
    change "$file" unix_socket_directories "$dir/$1\n    dynamic_shared_memory_type: sysv"
    change "$file" shared_buffers 64MB
    # A test must not restart the machine.
    change "$file" mode '"off"'
    # These name a process that ended with its namespace. In the new one, another may have its number.
    rm -f "$dir/$1/data/postmaster.pid" "$dir/$1/.s.PGSQL.5432.lock"
    launch "$1" "$patroni" "$file"
}

start_node() { # NAME
    local place=$dir/$1 from settings=()
    make_member "$1"
    [ -d "$place/data" ] || mkdir -m 700 "$place/data"
    # Clients know the server by its key, and any node checks an invite: all nodes have the keys of the first.
    from=$dir/node1/data
    [ "$1" = node1 ] || find "$from" -maxdepth 1 \( -name '*.pem' -o -name '*.key' \) -exec cp {} "$place/data/" \;
    own "$place/data"
    [ "$load" = no ] || mapfile -t settings < <(limits)
    launch "$1" "$program" --config /dev/null --listen "$(address "$1"):$port" \
        --metrics "$(address "$1"):$metrics_port" --data-dir "$place/data" \
        --store postgres --database "$(url)" --database-sync standby "${settings[@]}"
}

start_member() { # NAME
    rm -f "$dir/$1/process"
    [ "$network" = no ] || make_network "$1"
    case $1 in
        etcd*) start_etcd "$1" ;;
        pg*) start_database "$1" ;;
        node*) start_node "$1" ;;
    esac
}

bridge() { echo "correio$number"; }
namespace() { echo "correio$number-$1"; } # NAME

# make_network NAME: a network namespace with an address, on a bridge that this machine has an address on, too.
make_network() {
    local space outside
    space=$(namespace "$1") outside=c$number-$1
    if ! ip link show "$(bridge)" >/dev/null 2>&1; then
        ip link add "$(bridge)" type bridge
        ip address add "$base.1/24" dev "$(bridge)"
        ip link set "$(bridge)" up
    fi
    [ ! -e "/run/netns/$space" ] || return 0
    ip netns add "$space"
    ip link add "$outside" type veth peer name eth0 netns "$space"
    ip link set "$outside" master "$(bridge)" up
    ip netns exec "$space" sysctl --quiet --load "$templates/sysctl.conf"
    ip -n "$space" link set lo up
    ip -n "$space" address add "$(address "$1")/24" dev eth0
    ip -n "$space" link set eth0 up
}

remove_network() {
    local name
    [ "$network" = yes ] || return 0
    for name in "${all_nodes[@]}" "${databases[@]}" "${etcds[@]}"; do
        # The kernel removes a namespace's devices later, when the names may be needed again.
        ip link delete "c$number-$name" 2>/dev/null || true
        ip netns delete "$(namespace "$name")" 2>/dev/null || true
    done
    ip link delete "$(bridge)" 2>/dev/null || true
}
