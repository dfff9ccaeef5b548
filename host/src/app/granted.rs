//! What missions' files are granted: by the charter in force, which may change while the host runs; before the book is
//! open, by the one that the command line asks for.

use std::sync::{Arc, OnceLock, Weak};

use quarterdeck_core::charter::{Amendment, Charter};
use quarterdeck_core::terraform::grants::{GrantError, Grants};

use crate::observe::files::Granting;
use crate::remember::Book;

/// Where grants come from.
pub(super) struct Granted {
    wanted: Arc<Grants>,
    /// Not held: a reader outlives its host by one look, and the next host waits for nobody.
    book: Arc<OnceLock<Weak<Book>>>,
}

impl Granted {
    /// Those that the command line asks for.
    pub(super) fn wanted(amendment: &Amendment) -> Result<Granted, GrantError> {
        let wanted = Arc::new(amendment.of(&Charter::default()).settings.parsed_grants()?);
        Ok(Granted { wanted, book: Arc::default() })
    }

    /// From now on those of the charter in force.
    pub(super) fn in_force(&self, book: &Arc<Book>) {
        self.book.get_or_init(|| Arc::downgrade(book));
    }

    /// What a reader of missions asks each time.
    pub(super) fn reader(&self) -> Granting {
        let Granted { wanted, book } = self;
        let (wanted, book) = (wanted.clone(), book.clone());
        Arc::new(move || match book.get().map(Weak::upgrade) {
            None => wanted.clone(),
            // A grant that another version journaled and this one does not know grants nothing.
            Some(Some(book)) => Arc::new(book.ledger().charter().settings.parsed_grants().unwrap_or_default()),
            Some(None) => Arc::default(),
        })
    }
}
