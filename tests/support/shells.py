# SPDX-License-Identifier: Apache-2.0
"""What a shell completes, on a terminal, as a person would have it: one word a line.

    shells.py bash|zsh FILE LINE

The line is typed, then the key that takes all that would be offered, which becomes the arguments of
printf. In bash the words before it are shown too.
"""
import os
import pty
import select
import sys
import time

BASH = r"""
PS1='ready> '; bind 'set enable-bracketed-paste off'; bind 'set page-completions off'
bind '"\C-t": insert-completions'; bind '"\C-a": beginning-of-line'
source {directory}/bash_completion 2>/dev/null || :
source '{file}'
"""
# zsh has no such key for all kinds of matches: there the builtin that takes them shows them.
ZSH = r"""
PS1='ready> '; unset zle_bracketed_paste
fpath=('{directory}' $fpath); autoload -Uz compinit; compinit -u -D
compadd() {{ local -a hits; if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi; builtin compadd -A hits "$@"; found+=($hits); builtin compadd "$@" }}
show-all() {{ local -a found; zle complete-inside; BUFFER="printf '{{%s}}\\n' ${{(j. .)${{(@q)found}}}}; printf 'the%s\\n' end"; zle accept-line }}
complete-inside() {{ _main_complete }}
zle -C complete-inside list-choices complete-inside; zle -N show-all; bindkey -e; bindkey '^T' show-all
"""


def main():
    shell, file, line = sys.argv[1:]
    directory = os.path.dirname(file)
    setup = (BASH if shell == "bash" else ZSH).format(file=file, directory=directory)
    arguments = ["bash", "--norc", "--noprofile", "-i"] if shell == "bash" else ["zsh", "-f", "-i"]
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", COLUMNS="1000", LINES="1000", HISTFILE="/dev/null")
        os.execvp(arguments[0], arguments)
    seen = b""

    def expect(marker, since):
        nonlocal seen
        deadline = time.monotonic() + 60
        while marker not in seen[since:]:
            if time.monotonic() > deadline or not select.select([master], [], [], 1)[0]:
                if time.monotonic() > deadline:
                    sys.exit(f"no {marker!r} in:\n{seen.decode(errors='replace')}")
                continue
            seen += os.read(master, 65536)

    for text in setup.strip().split("\n"):
        os.write(master, text.encode() + b"\n")
    os.write(master, b"printf 'set%s\\n' up\n")
    expect(b"setup", 0)
    start = len(seen)
    os.write(master, line.encode() + b"\x14")
    if shell == "bash":
        os.write(master, b"\x01printf '{%s}\\n' \x05; printf 'the%s\\n' end\n")
    expect(b"theend", start)
    words = [part.split(b"}")[0].decode() for part in seen[start:].replace(b"\r", b"").split(b"\n{")[1:]]
    print("\n".join(words))
    os.close(master)


main()
