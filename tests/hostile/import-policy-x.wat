;; expect: refused: imports quarterdeck:policy-x/logging@0.1.0, which no profile gives
;; Our interface in a package that is called almost as ours is.
(component
  (import "quarterdeck:policy-x/logging@0.1.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
