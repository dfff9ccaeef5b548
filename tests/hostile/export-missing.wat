;; expect: refused: exports no quarterdeck:policy/decider; it exports nothing
;; Exports nothing.
(component)
