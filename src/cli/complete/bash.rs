//! The completion script for bash.
//!
//! bash splits words at `:`, `=` and `@`, and inserts candidates unquoted. Backups and task IDs contain these characters, so the script
//! joins the words again and quotes candidates.

pub(super) const SCRIPT: &str = r#"# felhom's completion for bash: source <(felhom completions bash)
_felhom_complete() {
    local line=${COMP_LINE:0:$COMP_POINT} word quote='' char i
    local -a words=()
    word='' ; local inside=0 escaped=0
    for (( i = 0; i < ${#line}; i++ )); do
        char=${line:i:1}
        if (( escaped )); then
            word+=$char ; escaped=0
        elif [[ $char == \\ && $quote != \' ]]; then
            escaped=1 ; inside=1
        elif [[ -n $quote ]]; then
            if [[ $char == "$quote" ]]; then quote='' ; else word+=$char ; fi
        elif [[ $char == \' || $char == \" ]]; then
            quote=$char ; inside=1
        elif [[ $char == ' ' || $char == $'\t' ]]; then
            if (( inside )); then words+=("$word") ; word='' ; inside=0 ; fi
        elif [[ $char == ';' || $char == '|' || $char == '&' || $char == '(' ]]; then
            words=() ; word='' ; inside=0
        else
            word+=$char ; inside=1
        fi
    done
    words+=("$word")
    # Variables before the command, and what runs it: sudo, time, …
    while (( ${#words[@]} > 1 )) && [[ ${words[0]##*/} != felhom ]]; do
        words=("${words[@]:1}")
    done
    # bash replaces only what follows the last of its own ends of words.
    local tail=$word breaks=${COMP_WORDBREAKS//[!:=@]/}
    if [[ -n $breaks && -z $quote ]]; then tail=${word##*[$breaks]} ; fi
    local kept=${word%"$tail"} reply
    COMPREPLY=()
    while IFS= read -r reply || [[ -n $reply ]]; do
        reply=${reply#"$kept"}
        if [[ -z $quote ]]; then printf -v reply %q "$reply" ; fi
        COMPREPLY+=("$reply")
    done < <(FELHOM_COMPLETE=bash _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$(( ${#words[@]} - 1 )) felhom -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:,] ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 ]]; then
    complete -o bashdefault -o nosort -F _felhom_complete felhom
else
    complete -o bashdefault -F _felhom_complete felhom
fi
"#;
