;; expect: guest:memory-limit
;; Grows a table until it is refused: each element costs the host, and no memory limit counts it.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (table $table 0 funcref)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $more
      (drop (table.grow $table (ref.null func) (i32.const 1000)))
      (br $more))
    unreachable))
