;; expect: refused: it is a core module
;; A module as a compiler leaves it. As it is.
(module (func (export "decide")))
