;; expect: guest:memory-limit
;; A million real proposals, 80 MB of them: they do not fit into its memory, let alone the host's.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 1221)))
    (i32.store (i32.const 136) (i32.const 4096))
    (i32.store (i32.const 140) (i32.const 1_000_000))
    (i32.const 128)))
