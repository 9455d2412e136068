# SPDX-License-Identifier: Apache-2.0
# bash completion for vmtrace and vmtrace-report.
# shellcheck shell=bash

# What compgen makes of its arguments, as the reply.
_vmtrace_reply()
{
    mapfile -t COMPREPLY < <(compgen "$@")
}

# One more of a list with commas.
_vmtrace_list()
{
    local before=''
    [[ $2 == *,* ]] && before=${2%,*},
    _vmtrace_reply -P "$before" -W "$1" -- "${2##*,}"
}

# Values of an option; fails if it takes none that could be proposed.
_vmtrace_value()
{
    local option=$1 current=$2 program=$3
    case $program:$option in
    report:--format)
        _vmtrace_reply -W 'text json folded check junit sarif gitlab github markdown valgrind
            valgrind-xml' -- "$current"
        ;;
    check:--format)
        _vmtrace_reply -W 'junit sarif gitlab github markdown json valgrind valgrind-xml' \
            -- "$current"
        ;;
    report:--metric)
        _vmtrace_reply -W 'allocated allocations leaked peak temporary faults resident' -- "$current"
        ;;
    report:--color | check:--color) _vmtrace_reply -W 'auto always never' -- "$current" ;;
    report:--show-leak-kinds | check:--show-leak-kinds | report:--errors-for-leak-kinds)
        _vmtrace_list 'definite indirect possible reachable all none' "$current"
        ;;
    report:--fail-on | check:--fail-on)
        _vmtrace_list 'definite indirect possible reachable all errors growth none' "$current"
        ;;
    report:--suppressions | check:--suppressions | report:--*baseline | check:--*baseline | \
        report:--only | check:--only)
        _vmtrace_reply -f -- "$current"
        ;;
    report:--gen-suppressions | check:--gen-suppressions)
        _vmtrace_reply -W 'valgrind lsan' -- "$current"
        ;;
    report:--sysroot | report:--debug-dir | check:--sysroot | check:--debug-dir | check:--traces)
        _vmtrace_reply -d -- "$current"
        ;;
    check:--output | check:-o) _vmtrace_reply -f -- "$current" ;;
    check:--*) _vmtrace_value "$option" "$current" run ;;
    run:--faults) _vmtrace_reply -W 'auto perf rusage off' -- "$current" ;;
    run:--fault-stacks | run:--free-stacks) _vmtrace_reply -W 'off on' -- "$current" ;;
    run:--residency) _vmtrace_reply -W 'all exit off' -- "$current" ;;
    run:--snapshot-signal) _vmtrace_reply -W 'USR1 USR2 HUP PROF WINCH' -- "$current" ;;
    run:--scan) _vmtrace_reply -W 'exit off' -- "$current" ;;
    run:--children) _vmtrace_reply -W 'follow fork ignore' -- "$current" ;;
    run:--sample) _vmtrace_reply -W '0 64K 512K' -- "$current" ;;
    run:--start) _vmtrace_reply -W 'on paused' -- "$current" ;;
    run:--log) _vmtrace_reply -W 'quiet errors summary' -- "$current" ;;
    run:--clock) _vmtrace_reply -W 'auto tsc counter' -- "$current" ;;
    *:--output | *:-o | run:--library) _vmtrace_reply -f -- "$current" ;;
    *) return 1 ;; # a number, or no option that takes a value
    esac
}

# $1 is run or report, $2 all options of it.  readline splits --name=VALUE at the '='.  Sets COMPREPLY and succeeds if the cursor is in an option or its value.
_vmtrace_option()
{
    local program=$1 options=$2
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $current == '=' ]]; then
        _vmtrace_value "$previous" '' "$program"
        return 0
    elif [[ $previous == '=' ]]; then
        _vmtrace_value "${COMP_WORDS[COMP_CWORD - 2]}" "$current" "$program"
        return 0
    elif [[ $previous == -* ]] && _vmtrace_value "$previous" "$current" "$program"; then
        return 0
    elif [[ $current == -* ]]; then
        _vmtrace_reply -W "$options" -- "$current"
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        return 0
    fi
    return 1
}

_vmtrace_report()
{
    COMPREPLY=()
    _vmtrace_option report '--summary --errors --leaks --growth --faults --peak --temporary
        --sites --phases --pools --mappings --threads --map --retention --format= --output= --top= --full-stacks
        --read-parent --show-leak-kinds= --suppressions= --gen-suppressions --metric= --color= --sysroot= --debug-dir=
        --quiet --fail-on= --errors-for-leak-kinds= --error-exitcode= --leak-threshold= --only= --strict
        --skip-unreadable --baseline= --save-baseline= --remove-clean --remove-all --verdict --help --usage
        --version' && return
    compopt -o filenames
    local current=${COMP_WORDS[COMP_CWORD]}
    mapfile -t COMPREPLY < <(compgen -f -X '!*.vmt*' -- "$current"; compgen -d -- "$current")
}

# Index of the traced program among the words after `vmtrace run` or `vmtrace check`, or nothing.
_vmtrace_program_index()
{
    local i
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) echo $((i + 1)) && return ;;
        -o | --output | --faults | --scan | --children | --depth | --sample | --seed | --interval | \
            --max-size | --start | --log | --clock | --residency | --snapshot-signal | --fault-stacks | \
            --free-stacks | --library | --fail-on | --error-exitcode | --leak-threshold | --only | \
            --suppressions | --baseline | --save-baseline | --format | --show-leak-kinds | --top | \
            --sysroot | --debug-dir | --color | --traces)
            [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))
            ((i++))
            ;;
        -*) ;;
        *) echo "$i" && return ;;
        esac
    done
}

_vmtrace()
{
    local current=${COMP_WORDS[COMP_CWORD]} program options
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _vmtrace_reply -W 'run check report compact expand --help --version' -- "$current"
        return
    fi
    case ${COMP_WORDS[1]} in
    report)
        _vmtrace_report
        ;;
    compact | expand)
        _vmtrace_option compact '--output= --force --remove --help --usage --version' && return
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -X '!*.vmt*' -- "$current"; compgen -d -- "$current")
        ;;
    run | check)
        program=$(_vmtrace_program_index)
        if [[ -n $program ]] && ((program < COMP_CWORD)); then
            # The program's own arguments: what bash knows about that program, else files.
            if declare -F _command_offset > /dev/null; then
                _command_offset "$program"
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
            fi
            return
        fi
        options='--output= --faults= --scan= --children= --depth= --sample= --seed= --interval=
            --max-size= --start= --log= --clock= --residency=
            --snapshot-signal= --fault-stacks= --free-stacks= --library= --help --usage --version'
        [[ ${COMP_WORDS[1]} == check ]] && options+=' --fail-on= --error-exitcode= --leak-threshold=
            --only= --strict --suppressions= --baseline= --save-baseline= --gen-suppressions --format=
            --show-leak-kinds= --top= --full-stacks --sysroot= --debug-dir= --color= --quiet --keep
            --discard --traces= --self-test'
        _vmtrace_option "${COMP_WORDS[1]}" "$options" && return
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -c -- "$current"; compgen -d -- "$current")
        ;;
    esac
}

complete -F _vmtrace vmtrace
complete -F _vmtrace_report vmtrace-report
