#!/bin/sh
# Writes the certificates that the proxy shows to origins as /run/kotei/<name>.pem: the chain and its private key in one file.
# They arrive from Secrets Manager as KOTEI_CLIENT_<n>_NAME, KOTEI_CLIENT_<n>_CERTIFICATE and KOTEI_CLIENT_<n>_PRIVATE_KEY, n = 1, 2, ...
# It runs in a container before nginx. All that is wrong is said at once, nothing is written then, and no secret is ever printed.
set -u

folder=/run/kotei
wrong=0

say() {
    echo "secrets.sh: $1" >&2
    wrong=1
}

value() {
    eval "printf '%s\n' \"\${KOTEI_CLIENT_$1-}\""
}

is_set() {
    eval "[ -n \"\${KOTEI_CLIENT_$1-}\" ]"
}

# What is wrong with PEM text on stdin, a line each. Text between the blocks is allowed, as openssl writes it.
pem_problems() {
    awk -v wanted="$1" '
        { sub(/\r$/, "") }
        /^-----BEGIN [A-Z0-9 ]+-----$/ {
            if (kind) broken = 1
            kind = substr($0, 12, length($0) - 16); lines = 0
            next
        }
        /^-----END [A-Z0-9 ]+-----$/ {
            if (substr($0, 10, length($0) - 14) != kind || !lines) broken = 1
            if (kind == "CERTIFICATE") certificates++
            else if (kind == "ENCRYPTED PRIVATE KEY") locked = 1
            else if (kind ~ /PRIVATE KEY$/) keys++
            kind = ""
            next
        }
        /-----(BEGIN|END) / { broken = 1; next }
        kind && /^Proc-Type: .*ENCRYPTED/ { locked = 1 }
        kind && !locked { if ($0 ~ /^[A-Za-z0-9+\/]+=?=?$/) lines++; else broken = 1 }
        kind && locked { lines++ }
        END {
            if (kind) broken = 1
            if (locked) print "has an encrypted key; nginx has no passphrase"
            else if (broken) print "is not whole PEM: each block is -----BEGIN x-----, base64 lines, -----END x-----, on lines of their own"
            else if (wanted == "certificate" && !certificates) print "has no block that is a CERTIFICATE"
            else if (wanted == "key" && !keys) print "has no block that is a PRIVATE KEY"
            if (wanted == "certificate" && (keys || locked)) print "has a private key in it"
            if (wanted == "key" && certificates) print "has a certificate in it"
            if (wanted == "key" && keys > 1) print "has more than one private key"
        }'
}

check_pem() {
    if is_set "$1"; then
        found=$(value "$1" | pem_problems "$2") || found="could not be read"
        if [ -n "$found" ]; then
            while IFS= read -r problem; do say "KOTEI_CLIENT_$1 $problem"; done <<END
$found
END
        fi
    else
        say "KOTEI_CLIENT_$1 is missing or empty"
    fi
}

check_name() {
    if ! is_set "$1_NAME"; then
        say "KOTEI_CLIENT_$1_NAME is missing or empty"
        return
    fi
    name=$(value "$1_NAME")
    case $name in
        *[!a-z0-9_-]* | -*) say "KOTEI_CLIENT_$1_NAME has more than lowercase letters, digits, hyphens and underscores, or begins with a hyphen" ;;
        *)
            case " $names " in
                *" $name "*) say "KOTEI_CLIENT_$1_NAME is the name of an earlier one: $name" ;;
            esac
            names="$names $name"
            ;;
    esac
}

# The highest number that any variable has: one that is missing below it is missed.
last=1
for number in $(env | sed -n 's/^KOTEI_CLIENT_\([1-9][0-9]\{0,2\}\)_[A-Z_]*=.*/\1/p'); do
    [ "$number" -le "$last" ] || last=$number
done
for variable in $(env | sed -n 's/^\(KOTEI_CLIENT_[A-Za-z0-9_]*\)=.*/\1/p' |
    grep -vxE 'KOTEI_CLIENT_[1-9][0-9]{0,2}_(NAME|CERTIFICATE|PRIVATE_KEY)'); do
    say "$variable is not understood; there are KOTEI_CLIENT_<n>_NAME, _CERTIFICATE and _PRIVATE_KEY"
done

names=""
n=1
while [ "$n" -le "$last" ]; do
    check_name "$n"
    check_pem "${n}_CERTIFICATE" certificate
    check_pem "${n}_PRIVATE_KEY" key
    n=$((n + 1))
done
if ! { [ -d "$folder" ] && [ -w "$folder" ]; }; then
    say "$folder is not a folder that $(id -u) may write"
fi
[ "$wrong" -eq 0 ] || exit 1

# Read by its owner only, from the first byte.
write() {
    rm -f "$2" && (umask 0377 && { value "$1_CERTIFICATE" && value "$1_PRIVATE_KEY"; } >"$2")
}

# nginx would notice a key of another certificate only when an origin asks for them.
try() {
    mkdir -p "$trial" && cat >"$trial/nginx.conf" <<END || return 1
events {}
stream {
    server {
        listen unix:$trial/socket;
        proxy_pass unix:$trial/nobody;
        proxy_ssl on;
        proxy_ssl_certificate $1;
        proxy_ssl_certificate_key $1;
    }
}
END
    nginx -t -q -p "$trial" -e stderr -g "pid $trial/pid; error_log stderr;" -c "$trial/nginx.conf" 2>&1
}

trial=$folder/.trial
n=0
for name in $names; do
    n=$((n + 1))
    if ! write "$n" "$folder/.$name.new"; then
        say "$folder/.$name.new could not be written"
    elif ! found=$(try "$folder/.$name.new"); then
        say "KOTEI_CLIENT_$n cannot be used by nginx: $(echo "$found" | sed -n '1s/^.*\] [^ ]* //p')"
    fi
done
rm -rf "$trial"
# Seen whole or not at all.
for name in $names; do
    if [ "$wrong" -eq 0 ] && mv -f "$folder/.$name.new" "$folder/$name.pem"; then
        continue
    fi
    rm -f "$folder/.$name.new"
    say "$name.pem was not written"
done
exit "$wrong"
