# bash completion for hearth; made by `hearth completion bash`
_hearth() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words
    case $previous in
        --config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --run-dir|--state-dir) COMPREPLY=($(compgen -d -- "$current")); return ;;
    esac
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W '--after --before --blocked --certificate --client --config --days --failed --for --from --group --help --json --limit --list --name --proto --rcode --reason --replace --run-dir --service --state-dir --status --suffix --to --ttl --type --upstream' -- "$current")); return
    fi
    case $previous in
        lb) words='plan' ;;
        vip) words='ls move renumber' ;;
        tail) words='dns proxy log' ;;
        lists) words='ls services update' ;;
        upstream) words='drain undrain' ;;
        node) words='drain undrain' ;;
        peer) words='keygen' ;;
        ca) words='show init export client import' ;;
        blocking) words='off on' ;;
        completion) words='bash zsh fish' ;;
        check) COMPREPLY=($(compgen -f -- "$current")); return ;;
        *) [ "$COMP_CWORD" = 1 ] && words='status why explain app routes services lb vip tail queries stats check schema reload lists upstream node peer ca allow deny forget rules blocking completion version help' ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _hearth hearth
