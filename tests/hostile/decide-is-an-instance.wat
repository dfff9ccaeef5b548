;; expect: refused: `describe` is an interface where the contract has a function
;; Exports instances under the names of the functions.
(component
  (instance $none)
  (instance $i (export "describe" (instance $none)) (export "decide" (instance $none)))
  (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
