# Builds a Debian root directory with debootstrap, boots it with systemd-nspawn on a network of its own
# (only loopback), and runs commands in it. `try` and `try-upgrade` read this file; it is no command.
#
# A command sets `here` (its directory) and calls `use_container` with its name. These variables may be
# set before: `root` (a directory that keeps the Debian root) and `suite` (the Debian release).
# `use_container` makes the directory `work`, whose `share` is /share in the container, and removes it,
# the processes and the mounts when the command ends. A command must run as root; where a right or a tool
# is missing, it prints a line that begins with `skipped:` and ends with status 0.
# shellcheck shell=bash

# Time limit in seconds for one command in the container.
readonly step_seconds=120

# shellcheck disable=SC2034 # The commands print it.
root_note=''
command_name='' machine=''
root=${root:-} suite=${suite:-}
work='' builder='' container='' leader='' groups=()

# use_container NAME: checks rights and tools, and makes the directory `work`.
use_container() {
    command_name=$1
    machine=correio-$command_name-$$
    need_rights_and_tools
    work=$(mktemp -d "/var/tmp/correio-$command_name.XXXXXX")
    trap cleanup EXIT
    trap 'exit 130' INT TERM HUP
    mkdir "$work/share"
    put_client_script
}

put_client_script() {
    cat >"$work/share/environment" <<'SCRIPT'
# What a user's shell has, so that no command asks a question.
export CORREIO_LANG=en CORREIO_PASSWORD=of-no-further-use CORREIO_CLIENT_DATA_DIR=/root/client
PATH=/share:$PATH
SCRIPT
    cat >"$work/share/as" <<'SCRIPT'
#!/bin/sh
# as USER ARGUMENTS: runs the client as this user of the server.
. /share/environment
user=$1
shift
exec timeout 60 correio --server mail.example.org:8888 --user "$user" "$@"
SCRIPT
    chmod 755 "$work/share/as"
}

say() { printf '%s: %s\n' "$command_name" "$*"; }

skip() { printf 'skipped: scripts/deploy/%s: %s\n' "$command_name" "$*"; exit 0; }

now() { date +%s.%N; }

seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

# step TEXT FUNCTION: runs a check and prints its time. A check that fails prints its own reason.
step() {
    local from
    from=$(now)
    "$2"
    printf '%8s s  ok  %s\n' "$(seconds_since "$from")" "$1"
}

fail() {
    printf '%s: FAILED: %s\n' "$command_name" "$*" >&2
    if [ -n "$leader" ]; then
        inside systemctl --no-pager --lines 0 status correio.socket correio.service >&2 || true
        inside journalctl --no-pager --unit correio --unit correio.socket --lines 40 >&2 || true
    fi
    exit 1
}

need_rights_and_tools() {
    [ "$(uname -s)" = Linux ] || skip "it needs Linux"
    [ "$(id -u)" -eq 0 ] || skip 'it must run as root'
    if ! has_tools && command -v apt-get >/dev/null; then
        say 'installing debootstrap and systemd-nspawn'
        apt-get update -qq >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            debootstrap systemd-container >/dev/null 2>&1 || true
    fi
    has_tools || skip 'it needs debootstrap, systemd-nspawn, nsenter and unshare'
    unshare --mount --net --pid --fork true 2>/dev/null || skip 'namespaces cannot be made here'
    if [ -z "$suite" ]; then
        # shellcheck source=/dev/null
        suite=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-bookworm}")
    fi
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || skip "debootstrap does not know $suite"
}

has_tools() {
    local tool
    for tool in debootstrap systemd-nspawn nsenter unshare; do
        command -v "$tool" >/dev/null || return 1
    done
}

# Uses the root of an earlier run, or builds one. A complete root has the file .correio-try beside etc.
debian_root() {
    local to=${root:-$work/root}
    root_note=' (empty at first)'
    if [ -e "$to/.correio-try" ]; then
        root_note=' (of an earlier run)'
        root=$to
        return
    fi
    mkdir -p "$to"
    [ -z "$(ls -A "$to")" ] || fail "$to is not empty, and is not a root that try built"
    # However debootstrap ends, its mounts and processes end with these namespaces.
    unshare --mount --pid --fork --kill-child --mount-proc debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,iproute2,procps "$suite" "$to" >"$work/debootstrap" 2>&1 &
    builder=$!
    if ! wait "$builder"; then
        tail -n 5 "$work/debootstrap" >&2
        emptied "$to"
        fail 'debootstrap failed'
    fi
    builder=''
    touch "$to/.correio-try"
    root=$to
}

# Empties a directory. The builder's mounts in it are gone, because its namespace is.
emptied() { find "$1" -xdev -mindepth 1 -delete; }

boot() {
    local arguments=(--quiet --directory "$root" --volatile=overlay --boot --private-network
        --machine "$machine" --console pipe --bind-ro "$work/share:/share")
    if [ -d /run/systemd/system ]; then
        arguments+=(--register no)
    else
        # Without systemd on this machine, nothing else makes a control group for the container.
        own_groups
        arguments+=(--register no --keep-unit)
    fi
    (
        for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
        exec setsid systemd-nspawn "${arguments[@]}"
    ) >"$work/console" 2>&1 </dev/null &
    container=$!
    within 30 'the container starts' leader_is_there
    within 60 'systemd is up' is_up
    sh_inside 'echo 127.0.0.1 mail.example.org >>/etc/hosts'
}

own_groups() {
    local hierarchy
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ -w "$hierarchy/cgroup.procs" ] || continue
        mkdir "$hierarchy/$machine"
        groups+=("$hierarchy/$machine")
    done
}

leader_is_there() {
    kill -0 "$container" 2>/dev/null || { cat "$work/console" >&2; fail 'systemd-nspawn ended'; }
    leader=$(cat "/proc/$container/task/$container/children" 2>/dev/null)
    leader=${leader%% *}
    # Once systemd runs there, the namespaces exist.
    [ -n "$leader" ] && [ "$(cat "/proc/$leader/comm" 2>/dev/null)" = systemd ]
}

is_up() {
    case $(inside systemctl is-system-running 2>/dev/null) in
        running | degraded) ;;
        *) return 1 ;;
    esac
}

# Runs a command in the container, without this machine's environment.
inside() {
    nsenter --target "$leader" --all env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        timeout "$step_seconds" "$@" </dev/null
}

sh_inside() { inside bash -c "$1"; }

# within SECONDS TEXT COMMAND…: repeats the command until it succeeds; fails after SECONDS.
within() {
    local seconds=$1 text=$2 from=$SECONDS
    shift 2
    until "$@"; do
        [ $((SECONDS - from)) -lt "$seconds" ] || fail "not within $seconds s: $text"
        sleep 0.1
    done
}

is_active() { [ "$(inside systemctl is-active correio.socket correio.service | sort -u)" = active ]; }

socket_is_active() { [ "$(inside systemctl is-active correio.socket)" = active ]; }

both_active() { is_active || fail "$1"; }

property() { inside systemctl show --property "$1" --value correio.service; }

answers() { inside /share/as tony ping >/dev/null 2>&1; }

send() { sh_inside "echo body | /share/as steve send --to tony --subject '$1'" >/dev/null || fail "cannot send: $1"; }

receive() {
    local list
    list=$(inside /share/as tony receive 2>&1) || fail "cannot receive: $list"
    case $list in *"Steve Rogers"*"$1"*) ;; *) fail "'$1' was not received: $list" ;; esac
}

# Ends the processes that this script started, by their ids, and removes its files.
cleanup() {
    local status=$? group
    trap '' INT TERM HUP
    set +e
    if [ -n "$builder" ]; then
        kill -KILL "$builder" 2>/dev/null
        wait "$builder" 2>/dev/null
        [ -z "$root" ] || emptied "$root"
    fi
    if [ -n "$container" ]; then
        # When the first process of a PID namespace ends, the kernel ends all others in it.
        [ -z "$leader" ] || kill -KILL "$leader" 2>/dev/null
        kill -TERM "$container" 2>/dev/null
        wait "$container" 2>/dev/null
    fi
    for group in "${groups[@]}"; do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    done
    rmdir "/run/systemd/nspawn/propagate/$machine" 2>/dev/null
    rm -rf --one-file-system "$work"
    exit "$status"
}
