;; expect: refused: imports quarterdeck:policy/logging@0.1.1; this host gives quarterdeck:policy/logging@0.1.0
;; Our interface in the next version.
(component
  (import "quarterdeck:policy/logging@0.1.1" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
