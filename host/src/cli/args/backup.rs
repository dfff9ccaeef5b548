//! What `backup` and `restore` take.

use std::path::PathBuf;

use clap::Args;
use quarterdeck_core::mission::MissionName;

use crate::cli::print::Output;

pub(super) const BACKUP_EXAMPLES: &str = "Examples:
  quarterdeck backup /backup/quarterdeck-monday.tar
  quarterdeck --real backup - | age -r age1... > quarterdeck.tar.age
  (umask 077; kubectl -n ai-agent exec deploy/quarterdeck -- quarterdeck backup - > quarterdeck.tar)

It holds keys, and states in clear: who can read it can do what the host can. A file is whole or it is not there.
Of a stream, quarterdeck restore --check says whether it was cut.";

pub(super) const RESTORE_EXAMPLES: &str = "Examples:
  quarterdeck restore web                          (the mission web is wanted again as its file says)
  quarterdeck restore --check quarterdeck.tar      (is it whole?)
  quarterdeck --data /srv/quarterdeck restore quarterdeck.tar
  age -d -i key.txt quarterdeck.tar.age | quarterdeck restore -

What can be a mission's name is one; a file without a dot or a slash in its name is ./NAME. The host of a restored folder
begins with everything paused: look at `quarterdeck get missions` and `get approvals`, and then `quarterdeck resume`.";

/// What `backup` takes.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// The file to make, readable to its owner alone; - is stdout.
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// Replace a file that is there, once the new one is whole.
    #[arg(long)]
    pub force: bool,
    /// How to print what it holds.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// What `restore` takes.
#[derive(Clone, Debug, Args)]
pub struct RestoreArgs {
    /// A mission's name; or a backup: its file, or - for stdin.
    #[arg(value_name = "MISSION|FILE|-")]
    pub what: PathBuf,
    /// Only prove that this file is a whole backup.
    #[arg(long)]
    pub check: bool,
    /// Give the data folder that is there another name, and remove nothing of it.
    #[arg(long, conflicts_with = "check")]
    pub set_aside: bool,
    /// How to print what it holds.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// What is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreWhat {
    /// A mission that was destroyed by command.
    Mission(MissionName),
    /// A backup.
    Backup(PathBuf),
}

impl RestoreArgs {
    /// What is meant: by its form alone, so that no file that happens to lie there makes another word of it.
    pub fn what(&self) -> RestoreWhat {
        let is_file = self.check || self.set_aside;
        let name = self.what.to_str().filter(|_| !is_file).and_then(|text| MissionName::parse(text).ok());
        name.map_or_else(|| RestoreWhat::Backup(self.what.clone()), RestoreWhat::Mission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missions_name_is_a_mission_and_everything_else_a_file() {
        let what = |what: &str, check| {
            let args = RestoreArgs { what: what.into(), check, set_aside: false, output: Output::Table };
            matches!(args.what(), RestoreWhat::Mission(_))
        };
        assert!(what("web", false));
        for file in ["-", "./web", "web.tar", "/backup/web", "Web", ""] {
            assert!(!what(file, false), "{file}");
        }
        assert!(!what("web", true), "a file is checked");
    }
}
