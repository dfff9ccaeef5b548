;; expect: guest:output-limit
;; As many proposals as its memory can hold, 800,000: they are real, and the host would copy them.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 980)))
    (i32.store (i32.const 136) (i32.const 4096))
    (i32.store (i32.const 140) (i32.const 800_000))
    (i32.const 128)))
