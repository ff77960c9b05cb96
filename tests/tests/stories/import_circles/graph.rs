//! Which file of a crate imports which, and where that goes round in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::tokens::{Use, of_product, paths, split_uses};

/// Longest way of a name through re-exports.
const REEXPORTS_MAX: usize = 8;

type Module = Vec<String>;

/// Which files each file imports.
pub(super) type Imports = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

struct Source {
    file: PathBuf,
    uses: Vec<Use>,
    /// The words and signs beside its `use` declarations.
    body: Vec<String>,
}

/// A crate's modules that are shipped.
struct Crate(BTreeMap<Module, Source>);

/// What the files below `src` import of each other.
pub(super) fn imports(src: &Path) -> io::Result<Imports> {
    let mut modules = BTreeMap::new();
    read_modules(src, Path::new(""), &mut modules)?;
    let all = Crate(modules);
    Ok(all.0.iter().map(|(module, source)| (source.file.clone(), all.imported_by(module, source))).collect())
}

fn read_modules(src: &Path, folder: &Path, modules: &mut BTreeMap<Module, Source>) -> io::Result<()> {
    for entry in fs::read_dir(src.join(folder))? {
        let entry = entry?;
        let file = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if !is_for_tests(&file) {
                read_modules(src, &file, modules)?;
            }
        } else if file.extension().is_some_and(|extension| extension == "rs") && !is_for_tests(&file) {
            let (uses, body) = split_uses(&of_product(&fs::read_to_string(entry.path())?));
            modules.insert(module_of(&file), Source { file, uses, body });
        }
    }
    Ok(())
}

fn is_for_tests(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    matches!(&*name, "tests" | "testing" | "conformance") || name.ends_with("_tests")
}

fn module_of(file: &Path) -> Module {
    let mut module: Module = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

impl Crate {
    fn imported_by(&self, module: &Module, source: &Source) -> BTreeSet<PathBuf> {
        let mut imported = BTreeSet::new();
        let in_body = paths(&source.body);
        for import in &source.uses {
            let Some(path) = self.absolute(module, &import.path) else { continue };
            // What is only handed on is no import.
            if import.is_public && !source.body.contains(&import.name) {
                continue;
            }
            let below = in_body.iter().filter(|path| path[0] == import.name);
            let below: Vec<Module> = below.map(|rest| [&path[..], &rest[1..]].concat()).collect();
            if self.0.contains_key(&path) && !below.is_empty() {
                imported.extend(below.iter().map(|path| self.defining(path, 0)));
            } else {
                imported.insert(self.defining(&path, 0));
            }
        }
        imported.extend(in_body.iter().filter_map(|path| Some(self.defining(&self.absolute(module, path)?, 0))));
        let is_child = |other: &Module| other.len() == module.len() + 1 && other.starts_with(module);
        let others = imported.into_iter().flatten().filter(|other| other != module && !is_child(other));
        others.map(|other| self.0[&other].file.clone()).collect()
    }

    /// `path`, as `module` writes it, from the crate's root; none if it leads into another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match path.first()?.as_str() {
            "crate" => (&module[..0], &path[1..]),
            "self" => (&module[..], &path[1..]),
            "super" => (&module[..module.len().checked_sub(supers)?], &path[supers..]),
            first if self.0.contains_key(&[&module[..], &[first.to_owned()]].concat()) => (&module[..], path),
            _ => return None,
        };
        Some([base, rest].concat())
    }

    /// The module in which the thing at `path` is defined: the deepest on its way, beyond re-exports.
    fn defining(&self, path: &[String], reexports: usize) -> Option<Module> {
        let depth = (0..=path.len()).rev().find(|&depth| self.0.contains_key(&path[..depth]))?;
        let (module, rest) = path.split_at(depth);
        let module = module.to_vec();
        if let Some(name) = rest.first().filter(|_| reexports < REEXPORTS_MAX)
            && let Some(handed_on) = self.0[&module].uses.iter().find(|import| import.is_public && import.name == *name)
            && let Some(path) = self.absolute(&module, &handed_on.path)
        {
            return self.defining(&[&path, &rest[1..]].concat(), reexports + 1);
        }
        Some(module)
    }
}

/// Groups of files of which each imports each, straight or by way of others.
pub(super) fn circles(imports: &Imports) -> Vec<BTreeSet<PathBuf>> {
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
        imports.keys().map(|file| (file, reachable(imports, file))).collect();
    let mut circles: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (file, from_here) in &reached {
        if !from_here.contains(*file) || circles.iter().any(|circle| circle.contains(*file)) {
            continue;
        }
        circles
            .push(from_here.iter().filter(|other| reached[**other].contains(*file)).map(|it| (*it).clone()).collect());
    }
    circles
}

fn reachable<'a>(imports: &'a Imports, from: &PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&PathBuf> = imports[from].iter().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(imports[file].iter());
        }
    }
    reached
}

#[test]
fn files_that_import_each_other_are_one_circle_with_those_between_them() {
    let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<BTreeSet<PathBuf>>();
    let edges = [("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["a", "d"]), ("d", vec!["e"]), ("e", vec![])];
    let imports = edges.into_iter().map(|(from, to)| (PathBuf::from(from), files(&to))).collect();
    assert_eq!(circles(&imports), [files(&["a", "b", "c"])]);
}
