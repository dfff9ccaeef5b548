;; expect: decided
;; Grows its memory by nothing, a million times: hardly any instructions, and each is a call into the engine.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $i i32)
    (loop $more
      (drop (memory.grow (i32.const 0)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 1_000_000))))
    (i32.const 128)))
