;; expect: refused: compile the component
;; Gives a stream, which outlives the call.
(component
  (type $s (stream u8))
  (export $t "stream" (type $s))
  (instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
