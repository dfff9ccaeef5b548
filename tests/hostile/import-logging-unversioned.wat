;; expect: refused: imports quarterdeck:policy/logging; this host gives quarterdeck:policy/logging@0.1.0
;; Our interface without a version.
(component
  (import "quarterdeck:policy/logging" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
