#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, process::Command};

use domain::package::Format;

use super::*;
use crate::packaging::{Spec, testing::Sample, tree::Content};

/// Debian's `sh` and, as EL has it, bash.
const SHELLS: [&[&str]; 2] = [&["dash"], &["bash", "--posix"]];

const SECTIONS: [&str; 6] =
    ["before_install", "after_install", "before_upgrade", "after_upgrade", "before_uninstall", "after_uninstall"];

/// Sections that print their names.
fn speaking() -> ScriptTexts {
    let mut texts = ScriptTexts::default();
    for (name, text) in SECTIONS.into_iter().zip(all(&mut texts)) {
        *text = Some(format!("echo {name}"));
    }
    texts
}

fn all(texts: &mut ScriptTexts) -> [&mut Option<String>; 6] {
    let ScriptTexts { before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall } =
        texts;
    [before_install, after_install, before_upgrade, after_upgrade, before_uninstall, after_uninstall]
}

/// What a script prints, or the code it fails with.
fn call(shell: &[&str], script: Option<&String>, folder: &Path, arguments: &[&str]) -> Result<String, i32> {
    let Some(script) = script else {
        return Ok(String::new());
    };
    let path = folder.join("script");
    fs::write(&path, script.replace(RETURNING, &format!("{}/returning-", folder.display()))).unwrap();
    let stubs = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folder.display());
    let output =
        Command::new(shell[0]).args(&shell[1..]).arg(&path).args(arguments).env("PATH", stubs).output().unwrap();
    match output.status.code() {
        Some(0) => Ok(String::from_utf8(output.stdout).unwrap().trim_end().replace('\n', " ")),
        code => Err(code.unwrap()),
    }
}

#[test]
fn each_section_runs_in_exactly_its_case_of_dpkg_s() {
    let scripts = deb("greeter", &speaking(), &Accounts::default());
    let [preinst, postinst, prerm, postrm] =
        [&scripts.before_unpack, &scripts.after_unpack, &scripts.before_removal, &scripts.after_removal];
    // Source: Debian Policy 6.5 to 6.8, "Summary of ways maintainer scripts are called".
    let calls: &[(&Option<String>, &[&str], &str)] = &[
        (preinst, &["install"], "before_install"),
        (postinst, &["configure", ""], "after_install"),
        (postinst, &["configure"], "after_install"),
        (preinst, &["upgrade", "1.0", "2.0"], "before_upgrade"),
        (postinst, &["configure", "1.0"], "after_upgrade"),
        (preinst, &["abort-upgrade", "2.0"], ""),
        (postinst, &["triggered", "/usr/share/x"], ""),
        (postinst, &["abort-upgrade", "2.0"], ""),
        (postinst, &["abort-remove"], ""),
        (postinst, &["abort-remove", "in-favour", "other", "1"], ""),
        (postinst, &["abort-deconfigure", "in-favour", "other", "1", "removing", "x", "1"], ""),
        (prerm, &["remove"], "before_uninstall"),
        (prerm, &["remove", "in-favour", "other", "1"], "before_uninstall"),
        (prerm, &["upgrade", "2.0"], ""),
        (prerm, &["failed-upgrade", "1.0", "2.0"], ""),
        (prerm, &["deconfigure", "in-favour", "other", "1", "removing", "x", "1"], ""),
        (postrm, &["remove"], "after_uninstall"),
        (postrm, &["purge"], ""),
        (postrm, &["upgrade", "2.0"], ""),
        (postrm, &["disappear", "other", "1"], ""),
        (postrm, &["failed-upgrade", "1.0", "2.0"], ""),
        (postrm, &["abort-install"], ""),
        (postrm, &["abort-install", "1.0", "2.0"], ""),
        (postrm, &["abort-upgrade", "1.0", "2.0"], ""),
    ];
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        for (script, arguments, expected) in calls {
            let ran = call(shell, script.as_ref(), folder.path(), arguments);
            assert_eq!(ran.as_deref(), Ok(*expected), "{shell:?} {arguments:?}");
        }
    }
}

#[test]
fn each_section_runs_in_exactly_its_case_of_rpm_s() {
    let scripts = rpm(&speaking(), &Accounts::default());
    let [pre, post, preun, postun] =
        [&scripts.before_unpack, &scripts.after_unpack, &scripts.before_removal, &scripts.after_removal];
    let calls = [
        (pre, "1", "before_install"),
        (pre, "2", "before_upgrade"),
        (pre, "3", "before_upgrade"),
        (pre, "10", "before_upgrade"),
        (post, "1", "after_install"),
        (post, "2", "after_upgrade"),
        (post, "12", "after_upgrade"),
        (preun, "0", "before_uninstall"),
        (preun, "1", ""),
        (preun, "2", ""),
        (postun, "0", "after_uninstall"),
        (postun, "1", ""),
        (postun, "10", ""),
    ];
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        for (script, argument, expected) in calls {
            let ran = call(shell, script.as_ref(), folder.path(), &[argument]);
            assert_eq!(ran.as_deref(), Ok(expected), "{shell:?} {argument}");
        }
    }
}

#[test]
fn a_removed_package_that_comes_back_is_an_installation_also_if_it_fails_once() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let failing = folder.path().join("failing");
        let mut texts = speaking();
        texts.after_install = Some(format!("echo after_install; [ ! -e {} ]", failing.display()));
        let scripts = deb("greeter", &texts, &Accounts::default());
        let run = |script: &Option<String>, arguments: &[&str]| call(shell, script.as_ref(), folder.path(), arguments);

        assert_eq!(run(&scripts.before_unpack, &["install", "1.0", "2.0"]).as_deref(), Ok("before_install"));
        fs::write(&failing, "").unwrap();
        assert!(run(&scripts.after_unpack, &["configure", "1.0"]).is_err());
        assert_eq!(run(&scripts.before_unpack, &["upgrade", "2.0", "3.0"]).as_deref(), Ok("before_upgrade"));
        fs::remove_file(&failing).unwrap();
        assert_eq!(run(&scripts.after_unpack, &["configure", "1.0"]).as_deref(), Ok("after_install"));
        assert_eq!(run(&scripts.after_unpack, &["configure", "3.0"]).as_deref(), Ok("after_upgrade"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no mark is left");
    }
}

#[test]
fn a_mark_left_by_a_return_that_failed_does_not_outlive_a_new_installation() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let scripts = deb("greeter", &speaking(), &Accounts::default());
        let run = |script: &Option<String>, arguments: &[&str]| call(shell, script.as_ref(), folder.path(), arguments);
        run(&scripts.before_unpack, &["install", "1.0", "2.0"]).unwrap();
        run(&scripts.before_unpack, &["install"]).unwrap();
        assert_eq!(run(&scripts.after_unpack, &["configure", "1.0"]).as_deref(), Ok("after_upgrade"));
    }
}

#[test]
fn a_section_alone_runs_alone() {
    for (index, name) in SECTIONS.into_iter().enumerate() {
        let mut texts = ScriptTexts::default();
        *all(&mut texts)[index] = Some(format!("echo {name}"));
        let folder = tempfile::tempdir().unwrap();
        for shell in SHELLS {
            let mut ran = Vec::new();
            let scripts = deb("greeter", &texts, &Accounts::default());
            for (script, arguments) in [
                (&scripts.before_unpack, &["install"][..]),
                (&scripts.after_unpack, &["configure"]),
                (&scripts.before_unpack, &["upgrade", "1"]),
                (&scripts.after_unpack, &["configure", "1"]),
                (&scripts.before_removal, &["remove"]),
                (&scripts.after_removal, &["remove"]),
            ] {
                ran.push(call(shell, script.as_ref(), folder.path(), arguments).unwrap());
            }
            assert_eq!(ran.iter().position(|printed| !printed.is_empty()), Some(index));
            assert_eq!(ran.concat(), name);

            let scripts = rpm(&texts, &Accounts::default());
            let written = [scripts.before_unpack, scripts.after_unpack, scripts.before_removal, scripts.after_removal];
            assert_eq!(written.iter().flatten().count(), 1);
        }
    }
}

#[test]
fn a_package_without_sections_and_accounts_has_no_scripts() {
    let nothing = ScriptTexts::default();
    assert_eq!(deb("greeter", &nothing, &Accounts::default()), MaintainerScripts::default());
    assert_eq!(rpm(&nothing, &Accounts::default()), MaintainerScripts::default());
}

#[test]
fn a_section_s_text_runs_byte_for_byte_as_written() {
    let text = "a='single' b=\"double $((1 + 1))\"\ncat <<'EOF'\n)}; ${a} \\' `x`\nEOF\nprintf '%s\\n' \"$a\" \"$b\" \"$1\" # it's";
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let texts = ScriptTexts { before_install: Some(text.to_owned()), ..ScriptTexts::default() };
        let printed = call(shell, rpm(&texts, &Accounts::default()).before_unpack.as_ref(), folder.path(), &["1"]);
        assert_eq!(printed.as_deref(), Ok(")}; ${a} \\' `x` single double 2 1"), "{shell:?}");
    }
}

#[test]
fn a_broken_section_breaks_only_its_own_case() {
    let broken =
        ["if true", ")", "}", "echo 'open", "cat <<EOF", "esac", "exit 3", "cd /; set +e; false; x() { :; }; exit 4"];
    for text in broken {
        let mut texts = speaking();
        texts.before_upgrade = Some(text.to_owned());
        for shell in SHELLS {
            let folder = tempfile::tempdir().unwrap();
            for scripts in [deb("greeter", &texts, &Accounts::default()), rpm(&texts, &Accounts::default())] {
                let install = if scripts.before_unpack.as_ref().unwrap().starts_with("#!") { "install" } else { "1" };
                let printed = call(shell, scripts.before_unpack.as_ref(), folder.path(), &[install]);
                assert_eq!(printed.as_deref(), Ok("before_install"), "{shell:?} {text}");
            }
        }
    }
}

#[test]
fn a_failing_command_stops_its_script_with_its_code() {
    let texts = ScriptTexts {
        before_install: Some("echo one\n(exit 7)\necho two".to_owned()),
        after_install: Some("exit 0".to_owned()),
        ..ScriptTexts::default()
    };
    let scripts = deb("greeter", &texts, &Accounts::default());
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(call(shell, scripts.before_unpack.as_ref(), folder.path(), &["install", "1.0"]), Err(7));
        assert!(!folder.path().join("returning-greeter").exists(), "a refused installation leaves no mark");
        assert_eq!(call(shell, scripts.after_unpack.as_ref(), folder.path(), &["configure"]), Ok(String::new()));
    }
}

#[test]
fn missing_owners_are_created_before_anything_else_on_installation_and_upgrade() {
    let mut sample = Sample::empty(Format::Deb);
    for (path, user, group) in
        [("/a", "ann", "ann"), ("/b", "root", "staff"), ("/c", "root", "root"), ("/d", "ann", "bob")]
    {
        sample.add(path, 0o755, user, Content::Directory);
        sample.tree.entries.get_mut(path).unwrap().group = group.to_owned();
    }
    sample.config.install.user = Some("bob".to_owned());
    let Sample { config, version, scripts, tree, .. } = &sample;
    let accounts = Accounts::of(&Spec { config, version, source_date: 0, scripts, tree });
    let options = "--no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin";
    let expected = format!(
        "groupadd --system ann groupadd --system bob useradd --system --gid ann {options} ann \
         useradd --system --gid bob {options} bob SECTION"
    );
    let texts = ScriptTexts { before_install: Some("echo SECTION".to_owned()), ..ScriptTexts::default() };
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        // Only the group staff exists already.
        for (tool, text) in [
            ("getent", "#!/bin/sh\n[ \"$2\" = staff ]\n"),
            ("groupadd", "#!/bin/sh\necho groupadd \"$@\"\n"),
            ("useradd", "#!/bin/sh\necho useradd \"$@\"\n"),
        ] {
            let path = folder.path().join(tool);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let run = |scripts: MaintainerScripts, arguments: &[&str]| {
            call(shell, scripts.before_unpack.as_ref(), folder.path(), arguments).unwrap()
        };
        assert_eq!(run(deb("greeter", &texts, &accounts), &["install"]), expected);
        assert_eq!(run(rpm(&texts, &accounts), &["1"]), expected);
        let on_upgrade = expected.trim_end_matches(" SECTION");
        assert_eq!(run(deb("greeter", &texts, &accounts), &["upgrade", "1.0"]), on_upgrade);
        assert_eq!(run(rpm(&texts, &accounts), &["2"]), on_upgrade);
        assert_eq!(run(deb("greeter", &texts, &accounts), &["abort-upgrade", "1.0"]), "");
    }
}
