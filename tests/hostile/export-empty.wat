;; expect: refused: `describe` is missing where the contract has a function
;; Exports the right name with nothing in it.
(component (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
