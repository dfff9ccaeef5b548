//! What `pause` and `resume` take.

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::order::Class;
use quarterdeck_core::pause::Scope;

/// What `pause` takes.
#[derive(Clone, Debug, Args)]
pub struct PauseArgs {
    /// What is paused.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Tell the workers that it concerns to stop; without it they go on to their end.
    #[arg(long)]
    pub cancel: bool,
    /// A sentence for the journal, for the policy and for whoever wonders.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// What a pause is about; everything where nothing is named.
#[derive(Clone, Debug, Args)]
pub struct ScopeArgs {
    /// This mission alone.
    #[arg(value_parser = MissionName::parse)]
    pub mission: Option<MissionName>,
    /// Workers of this class alone; questions to the brain go on.
    #[arg(long, value_name = "CLASS", value_parser = class())]
    pub class: Option<Class>,
}

impl From<ScopeArgs> for Scope {
    fn from(args: ScopeArgs) -> Scope {
        Scope { mission: args.mission, class: args.class }
    }
}

fn class() -> impl clap::builder::TypedValueParser<Value = Class> {
    PossibleValuesParser::new(Class::ALL.map(Class::name)).map(|name| {
        let found = Class::ALL.into_iter().find(|class| class.name() == name);
        found.expect("only the names of classes are let through")
    })
}
