;; expect: refused: imports quarterdeck:policy/decider@0.1.0, which no profile gives
;; Asks the host for the policy that it is itself to be.
(component
  (import "quarterdeck:policy/decider@0.1.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
