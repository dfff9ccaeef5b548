;; expect: refused: imports acme:shell/run@1.0.0, which no profile gives
;; Asks for an interface nobody has heard of.
(component
  (import "acme:shell/run@1.0.0" (instance (export "run" (func (param "command" string)))))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
