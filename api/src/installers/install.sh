
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
    umask 022
    mkdir -p "${target%/*}"
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

# Ubuntu 18.04 and older read one file only. What is installed below another root is taken for newer.
apt_reads_auth_folder() {
    if [ -n "$root" ] || ! has apt-config; then return 0; fi
    apt-config dump Dir::Etc::netrcparts | grep -q '"..*"'
}

# The lines of auth.conf that are not ours.
other_auth() {
    if [ -e "$root$auth_file" ]; then grep -v -F "machine $machine " "$root$auth_file" || true; fi
}

install_apt() {
    if [ -z "$root" ] && ! has apt-get; then fail "this repository holds debs, and there is no apt-get here"; fi
    line="machine $machine login $login password $password"
    if apt_reads_auth_folder; then
        printf '%s\n' "$line" | put 600 "$auth_folder_file"
    else
        { other_auth; printf '%s\n' "$line"; } | put 600 "$auth_file"
    fi
    certificate | put 644 "$apt_key"
    put 644 "$apt_source" <<SOURCE
Types: deb
URIs: $address
Suites: $codename
Components: main
Signed-By: $apt_key
SOURCE
    if [ -n "$quiet" ]; then return 0; fi
    apt-get update -o Dir::Etc::sourcelist="$apt_source" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 </dev/null
}

install_yum() {
    put 600 "$yum_repo" <<REPO
[$name]
name=$organisation/$repository by pkgdeploy
mirrorlist=${address}mirrorlist
username=$login
password=$password
enabled=1
gpgcheck=1
repo_gpgcheck=1
metadata_expire=300
gpgkey=file://$rpm_key
REPO
    if [ -z "$quiet" ]; then say "try it: dnf --disablerepo='*' --enablerepo=$name makecache"; fi
}

install_zypper() {
    put 600 "$zypp_credentials" <<CREDENTIALS
username=$login
password=$password
CREDENTIALS
    put 644 "$zypp_repo" <<REPO
[$name]
name=$organisation/$repository by pkgdeploy
baseurl=$address?credentials=$name
type=rpm-md
enabled=1
autorefresh=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=file://$rpm_key
REPO
    if [ -z "$quiet" ]; then say "try it: zypper refresh $name"; fi
}

install_rpm() {
    certificate | put 644 "$rpm_key"
    if has zypper && ! has dnf && ! has yum; then install_zypper; else install_yum; fi
    # rpm cannot import a key while it installs a package: then dnf and zypper take the file on first use.
    if [ -z "$root$packaged" ] && has rpm; then rpm --import "$rpm_key"; fi
}

# Takes the certificate out of rpm's keyring, unless another installer of the same server is still here.
forget_rpm_key() {
    for other in /etc/pki/rpm-gpg/RPM-GPG-KEY-pkgdeploy-*; do
        if [ -e "$other" ] && cmp -s "$other" "$rpm_key" && [ "$other" != "$rpm_key" ]; then return 0; fi
    done
    # rpm 6 names a key by its whole fingerprint, older ones by the last 8 digits.
    rpm -q gpg-pubkey --qf '%{name}-%{version}-%{release}\n' 2>/dev/null </dev/null |
        grep -E "^gpg-pubkey-($fingerprint|$short_fingerprint)-" |
        while read -r key; do rpm -e --allmatches "$key" </dev/null; done || true
}

uninstall() {
    if [ -z "$root$packaged" ] && [ -e "$rpm_key" ] && has rpm; then forget_rpm_key; fi
    if [ -e "$root$auth_file" ] && grep -q -F "machine $machine " "$root$auth_file"; then
        others=$(other_auth)
        if [ -n "$others" ]; then printf '%s\n' "$others" | put 600 "$auth_file"; else rm -f "$root$auth_file"; fi
    fi
    for file in "$auth_folder_file" "$apt_key" "$apt_source" "$yum_repo" "$zypp_credentials" "$zypp_repo" "$rpm_key"; do
        rm -f "$root$file"
    done
}

main() {
    set -eu
    root=${PKGDEPLOY_ROOT:-}
    root=${root%/}
    packaged=
    action=install
    for option in "$@"; do
        case "$option" in
            --uninstall) action=uninstall ;;
            --packaged) packaged=1 ;;
            *) fail "unknown option $option: expected --uninstall or nothing" ;;
        esac
    done
    if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then fail "run this as root, or set PKGDEPLOY_ROOT"; fi
    quiet=${PKGDEPLOY_NO_UPDATE:-}$root$packaged

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

    if [ "$action" = uninstall ]; then
        uninstall
        say "$organisation/$repository is uninstalled"
        return 0
    fi
    case "$format" in
        deb) install_apt ;;
        rpm) install_rpm ;;
    esac
    say "$organisation/$repository is installed"
}

# Nothing ran until here, and a script that was cut on its way does not get here.
{ main "$@"; }
