
say() {
    printf '%s\n' "pkgdeploy: $*"
}

fail() {
    say "$*" >&2
    exit 1
}

# put MODE PATH: standard input becomes this file, whole or not at all, and never readable by others before its time.
put() (
    target="$root$2"
    folder=${target%/*}
    umask 022
    missing=$folder
    while [ ! -d "$missing" ]; do
        mkdir -p "$root${made_folders%/*}"
        printf '%s\n' "${missing#"$root"}" >>"$root$made_folders"
        missing=${missing%/*}
    done
    mkdir -p "$folder"
    umask 077
    temporary=$(mktemp "$target.XXXXXX")
    trap 'rm -f "$temporary"' EXIT
    cat >"$temporary"
    chmod "$1" "$temporary"
    mv -f "$temporary" "$target"
    trap - EXIT
)

# has PROGRAM: whether the machine, or the tree in PKGDEPLOY_ROOT, has it.
has() {
    if [ -n "$root" ]; then
        [ -x "$root/usr/bin/$1" ]
    else
        command -v "$1" >/dev/null 2>&1
    fi
}

# run COMMAND…: a package manager, whose files others may read.
run() (
    umask 022
    "$@"
)

is_zypper_machine() {
    has zypper && ! has dnf && ! has yum
}

# ---- asking the server which credentials to use

# ask [QUERY]: what the server answers whoever shows it $login and $password, as the file $scratch/answer. They go
# through pipes and files that only root can read, never through arguments or the environment. apt-helper takes no lock.
ask() {
    question="$credentials_address${1:-}"
    rm -f "$scratch/answer"
    if [ "$format" = deb ] && [ -x /usr/lib/apt/apt-helper ]; then
        printf 'machine %s login %s password %s\n' "$credentials_machine" "$login" "$password" >"$scratch/netrc"
        /usr/lib/apt/apt-helper -q -o Dir::Etc::netrc="$scratch/netrc" -o Dir::Etc::netrcparts=/dev/null \
            -o APT::Sandbox::User=root -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
            -o Acquire::https::Timeout=20 download-file "$question" "$scratch/answer" </dev/null
    elif has curl; then
        printf 'user = "%s:%s"\n' "$login" "$password" |
            curl -q --config - --silent --show-error --fail --retry 2 --max-time 60 --output "$scratch/answer" "$question"
    else
        ask_with_python
    fi >"$scratch/said" 2>&1
}

ask_with_python() {
    for python in python3 /usr/libexec/platform-python; do
        if command -v "$python" >/dev/null 2>&1; then
            printf '%s\n' "$question" "$login" "$password" | "$python" -c '
import base64, sys, urllib.request
address, login, password = sys.stdin.read().split()
basic = base64.b64encode((login + ":" + password).encode()).decode()
request = urllib.request.Request(address, headers={"Authorization": "Basic " + basic})
sys.stdout.buffer.write(urllib.request.urlopen(request, timeout=60).read(4096))
' >"$scratch/answer"
            return
        fi
    done
    echo "there is neither curl nor python3"
    return 1
}

# Takes $login and $password from the answer; whatever else it may be, such as a proxy's page, is no answer.
take_answer() {
    new_login=$(sed -n '1s/^login \([0-9A-Za-z]\{22\}\)$/\1/p' "$scratch/answer")
    new_password=$(sed -n '2s/^password \(pkd_[a-z]*_[0-9A-Za-z]\{22\}_[0-9A-Za-z]\{49\}\)$/\1/p' "$scratch/answer")
    if [ -z "$new_login" ] || [ -z "$new_password" ] || [ "$(wc -l <"$scratch/answer")" -ne 2 ]; then
        echo "this is not the answer of a pkgdeploy server" >"$scratch/said"
        return 1
    fi
    login=$new_login
    password=$new_password
}

why_not() {
    tail -n 3 "$scratch/said" 2>/dev/null | sed 's/^/  /' >&2
}

# A name that stays the same: the host's, and a part made from the machine's id, which itself is not for others.
# A machine without an id gets another one each time it enrols.
machine_name() {
    host=$(uname -n | tr -c 'A-Za-z0-9.\n-' - | cut -c 1-48)
    for file in /etc/machine-id /var/lib/dbus/machine-id; do
        if [ -s "$file" ]; then
            printf '%s-' "$host"
            { echo "pkgdeploy $organisation/$repository"; cat "$file"; } | sha256sum | cut -c 1-12
            return
        fi
    done
    # Without an id, another machine of this name would take this one's place: chance keeps them apart.
    printf '%s-%s\n' "$host" "$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')"
}

# An enrolment key is not kept: the machine gets a key of its own for it.
enrol() {
    if [ -n "$root" ]; then fail "an enrolment key is for the machine itself: it cannot be exchanged for another root"; fi
    if ! ask "?machine=$(machine_name)" || ! take_answer; then
        why_not
        fail "$organisation/$repository did not enrol this machine; nothing is installed"
    fi
}

# ---- apt

# Ubuntu 18.04 and older read one file only. What is installed below another root is taken for newer.
apt_reads_auth_folder() {
    if [ -n "$root" ] || ! has apt-config; then return 0; fi
    apt-config dump Dir::Etc::netrcparts | grep -q '"..*"'
}

# The lines of auth.conf that are not ours.
other_auth() {
    if [ -e "$root$auth_file" ]; then grep -v -F "machine $machine " "$root$auth_file" || true; fi
}

put_auth() {
    line="machine $machine login $login password $password"
    if [ "$1" = "$auth_folder_file" ]; then
        printf '%s\n' "$line" | put 600 "$auth_folder_file"
    else
        { other_auth; printf '%s\n' "$line"; } | put 600 "$auth_file"
    fi
}

install_apt() {
    if [ -z "$root" ] && ! has apt-get; then fail "this repository holds debs, and there is no apt-get here"; fi
    if apt_reads_auth_folder; then put_auth "$auth_folder_file"; else put_auth "$auth_file"; fi
    certificates | put 644 "$apt_key"
    put 644 "$apt_source" <<SOURCE
Types: deb
URIs: $address
Suites: $codename
Components: main
Signed-By: $apt_key
SOURCE
    if [ -n "$quiet" ]; then return 0; fi
    run apt-get update -o Dir::Etc::sourcelist="$apt_source" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 </dev/null
    run env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 \
        -o Dpkg::Use-Pty=0 "$name" </dev/null || no_package
}

# The credentials that apt has, in $auth, $login and $password.
read_auth() {
    for auth in "$auth_folder_file" "$auth_file"; do
        if [ ! -e "$root$auth" ]; then continue; fi
        while read -r word its_machine login_word its_login password_word its_password; do
            if [ "$word $login_word $password_word" != "machine login password" ]; then continue; fi
            # The address that works here stays, even if the server has got another one.
            if [ "$auth" = "$auth_folder_file" ]; then machine=$its_machine; fi
            if [ "$its_machine" = "$machine" ]; then
                login=$its_login
                password=$its_password
                return
            fi
        done <"$root$auth"
    done
}

# ---- dnf, yum and zypper

install_yum() {
    put 600 "$yum_repo" <<REPO
[$name]
name=$organisation/$repository by pkgdeploy
mirrorlist=${address}key/$epoch/mirrorlist
username=$login
password=$password
enabled=1
gpgcheck=1
repo_gpgcheck=1
metadata_expire=300
gpgkey=file://$rpm_key
REPO
    if [ -n "$quiet" ]; then return 0; fi
    yum=dnf
    if ! has dnf; then yum=yum; fi
    run "$yum" -y --disablerepo='*' --enablerepo="$name" install "$name" </dev/null || no_package
}

install_zypper() {
    put 600 "$zypp_credentials" <<CREDENTIALS
username=$login
password=$password
CREDENTIALS
    put 644 "$zypp_repo" <<REPO
[$name]
name=$organisation/$repository by pkgdeploy
baseurl=${address}key/$epoch/?credentials=$name
type=rpm-md
enabled=1
autorefresh=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=file://$rpm_key
REPO
    if [ -n "$quiet" ]; then return 0; fi
    run zypper --non-interactive install --no-recommends --from "$name" "$name" </dev/null || no_package
}

install_rpm() {
    put_rpm_certificates
    if is_zypper_machine; then install_zypper; else install_yum; fi
}

# The credentials that dnf, yum or zypper have.
read_ini() {
    for file in "$yum_repo" "$zypp_credentials"; do
        if [ ! -e "$root$file" ]; then continue; fi
        while IFS='=' read -r word value; do
            case "$word" in
                username) login=$value ;;
                password) password=$value ;;
            esac
        done <"$root$file"
    done
}

# edit MODE PATH: puts credentials and key epoch into their lines, and keeps all that an administrator changed.
edit() {
    if [ ! -e "$root$2" ]; then return 0; fi
    while IFS= read -r line || [ -n "$line" ]; do
        case "$line" in
            username=*) line="username=$login" ;;
            password=*) line="password=$password" ;;
            mirrorlist=*/key/*/mirrorlist) line="${line%/key/*}/key/$epoch/mirrorlist" ;;
            baseurl=*/key/*/\?credentials=*) line="${line%/key/*}/key/$epoch/?credentials=${line##*credentials=}" ;;
        esac
        printf '%s\n' "$line"
    done <"$root$2" >"$scratch/edited"
    put "$1" "$2" <"$scratch/edited"
    rm -f "$scratch/edited"
}

# rpm's own list of certificates cannot be changed by a script that rpm runs: then it is tried after its end.
when_rpm_is_free() {
    if [ -n "$root" ] || ! has rpm; then return 0; fi
    if [ -z "$packaged" ]; then
        run "$@"
    else
        ( trap - EXIT; trap '' HUP; run try_for_a_while "$@" ) </dev/null >/dev/null 2>&1 &
    fi
}

try_for_a_while() {
    for seconds in 1 1 1 2 2 3 5 5 10 10 20 30 30 60 60 60 60 60 60 60; do
        sleep "$seconds"
        if "$@"; then return 0; fi
    done
}

fingerprints_of() {
    sed -n 's/^Comment: \([0-9a-f]\{40,64\}\)$/\1/p' "$@"
}

put_rpm_certificates() {
    certificates >"$scratch/certificates"
    if [ -e "$root$rpm_key" ]; then
        fingerprints_of "$root$rpm_key" | grep -v -x -F "$(fingerprints_of "$scratch/certificates")" >"$scratch/gone" || true
    else
        : >"$scratch/gone"
    fi
    put 644 "$rpm_key" <"$scratch/certificates"
    when_rpm_is_free rpm --import "$rpm_key"
    if [ -s "$scratch/gone" ]; then forget "$(cat "$scratch/gone")"; fi
}

# forget FINGERPRINTS: takes certificates out of rpm's list that no installer on this machine brings any more.
forget() {
    unused=
    for fingerprint in $1; do
        if ! cat /etc/pki/rpm-gpg/RPM-GPG-KEY-pkgdeploy-* 2>/dev/null | grep -q -x -F "Comment: $fingerprint"; then
            # rpm 6 names a key by its whole fingerprint, older ones by the last 8 digits.
            unused="$unused $fingerprint $(printf '%s' "$fingerprint" | tail -c 8)"
        fi
    done
    if [ -n "$unused" ]; then when_rpm_is_free erase_rpm_keys "$unused" || true; fi
}

erase_rpm_keys() {
    rpm -q gpg-pubkey --qf '%{name} %{version} %{release}\n' 2>/dev/null </dev/null | while read -r pubkey version release; do
        case " $1 " in
            *" $version "*) rpm -e --allmatches "$pubkey-$version-$release" </dev/null || exit 1 ;;
        esac
    done
}

# The credentials in place, as $login and $password; empty if there are none.
read_present() {
    login=
    password=
    if [ "$format" = deb ]; then read_auth; else read_ini; fi
}

# ---- what the script does

no_package() {
    say "the package $name, which renews the credentials, is not installed; try again later" >&2
}

# Puts certificates and credentials in place as they are to be from now on. Never breaks a package manager's work:
# what cannot be renewed stays as it is.
renew() {
    read_present
    if [ -z "$login" ] || [ -z "$password" ]; then
        say "there are no credentials of $organisation/$repository to renew; an installer with a key brings them"
        return 0
    fi
    before="$login $password"
    if [ "$format" = deb ]; then certificates | put 644 "$apt_key"; else put_rpm_certificates; fi
    if ask && take_answer; then
        if [ "$before" = "$login $password" ]; then
            say "$organisation/$repository: the credentials are the newest"
        else
            say "$organisation/$repository: the credentials are renewed"
        fi
    else
        why_not
        say "$organisation/$repository: the credentials could not be renewed and stay as they are;" \
            "try again: sh /usr/share/pkgdeploy/$name/installer --renew" >&2
        failed=1
    fi
    if [ "$format" = deb ]; then
        if [ "$before" != "$login $password" ]; then put_auth "$auth"; fi
    else
        edit 600 "$yum_repo"
        edit 600 "$zypp_credentials"
        edit 644 "$zypp_repo"
    fi
    if [ -n "${failed:-}" ] && [ -z "$packaged" ]; then exit 1; fi
}

# What the package managers made of the source. Nothing secret, but of no use any more.
clear_caches() {
    lists=$(printf '%s' "$address" | sed 's#^[a-z]*://##; s/_/%5f/g; s/~/%7e/g; s/\[/%5b/g; s/\]/%5d/g; s#/#_#g')
    rm -f "$root/var/lib/apt/lists/$lists"* "$root/var/lib/apt/lists/partial/$lists"* \
        "$root/var/cache/apt/archives/${name}_"*
    x='[0-9a-f]'
    for folder in dnf libdnf5; do
        rm -rf "$root/var/cache/$folder/$name"-$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x "$root/var/cache/$folder/$name"*.solv*
    done
    rm -rf "$root/var/cache/yum"/*/*/"$name" "$root/var/cache/zypp"/*/"$name"
}

uninstall() {
    known=
    if [ -e "$root$rpm_key" ]; then known=$(fingerprints_of "$root$rpm_key"); fi
    if [ -z "$root$packaged" ]; then
        # The package takes its own script along.
        if [ "$format" = deb ] && dpkg-query -W "$name" >/dev/null 2>&1; then run dpkg --purge "$name" </dev/null; fi
        if [ "$format" = rpm ] && has rpm && rpm -q --quiet "$name"; then run rpm -e "$name" </dev/null; fi
    fi
    if [ -e "$root$auth_file" ] && grep -q -F "machine $machine " "$root$auth_file"; then
        others=$(other_auth)
        if [ -n "$others" ]; then printf '%s\n' "$others" | put 600 "$auth_file"; else rm -f "$root$auth_file"; fi
    fi
    for file in "$auth_folder_file" "$apt_key" "$apt_source" "$yum_repo" "$zypp_credentials" "$zypp_repo" "$rpm_key"; do
        rm -f "$root$file"
    done
    if [ -n "$known" ]; then forget "$known"; fi
    clear_caches
    if [ -e "$root$made_folders" ]; then
        # A folder comes after those in it.
        sort -r "$root$made_folders" | while IFS= read -r folder; do
            rmdir "$root$folder" 2>/dev/null || true
        done
        rm -f "$root$made_folders"
    fi
    rmdir "$root${made_folders%/*}" 2>/dev/null || true
}

main() {
    set -eu
    root=${PKGDEPLOY_ROOT:-}
    root=${root%/}
    packaged=
    once=
    action=install
    for option in "$@"; do
        case "$option" in
            --uninstall) action=uninstall ;;
            --renew) action=renew ;;
            --once) once=1 ;;
            --packaged) packaged=1 ;;
            *) fail "unknown option $option: expected --once, --renew, --uninstall or nothing" ;;
        esac
    done
    if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then fail "run this as root, or set PKGDEPLOY_ROOT"; fi
    quiet=${PKGDEPLOY_NO_UPDATE:-}$root$packaged
    umask 077
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT

    settings
    name="pkgdeploy-$organisation-$repository"
    auth_file=/etc/apt/auth.conf
    auth_folder_file=/etc/apt/auth.conf.d/$name.conf
    apt_key=/etc/apt/keyrings/$name.asc
    apt_source=/etc/apt/sources.list.d/$name.sources
    rpm_key=/etc/pki/rpm-gpg/RPM-GPG-KEY-$name
    yum_repo=/etc/yum.repos.d/$name.repo
    zypp_repo=/etc/zypp/repos.d/$name.repo
    zypp_credentials=/etc/zypp/credentials.d/$name
    made_folders=/var/lib/pkgdeploy/$name.folders
    # The installer that lies in the repository holds no key: all it can do is renew.
    if [ "$key" = none ] && [ "$action" = install ]; then action=renew; fi
    if [ "$action" = install ] && [ -n "$once" ] && (read_present; [ -n "$login" ]); then
        say "$organisation/$repository is installed already"
        return 0
    fi

    case "$action" in
        uninstall)
            uninstall
            say "$organisation/$repository is uninstalled"
            ;;
        renew) renew ;;
        install)
            if [ "$key" = enrolment ]; then enrol; fi
            case "$format" in
                deb) install_apt ;;
                rpm) install_rpm ;;
            esac
            say "$organisation/$repository is installed"
            ;;
    esac
}

# Nothing ran until here, and a script that was cut on its way does not get here.
{ main "$@"; }
