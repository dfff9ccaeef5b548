;; expect: refused: imports \u{1b}[2Jwasi:clocks/wall-clock@0.2.0, which no profile gives
;; A name that would clear the screen of whoever reads why it was refused.
(component
  (import "\1b[2Jwasi:clocks/wall-clock@0.2.0" (instance))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
