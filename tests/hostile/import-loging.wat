;; expect: refused: imports quarterdeck:policy/loging@0.1.0, which no profile gives
;; An interface that is called almost as ours is.
(component
  (import "quarterdeck:policy/loging@0.1.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
