;; expect: guest:malformed
;; Uses a directory that it was never given.
;; world wasi
(module
  (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $dirs (param i32)))
  (import "wasi:filesystem/types@0.2.6" "[method]descriptor.sync" (func $sync (param i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $sync (i32.const 3) (i32.const 256))
    (i32.const 128)))
