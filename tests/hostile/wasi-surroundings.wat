;; expect: decided
;; Looks for arguments, an environment, a terminal and directories: there are none.
;; world wasi
(module
  (import "wasi:cli/environment@0.2.6" "get-environment" (func $env (param i32)))
  (import "wasi:cli/environment@0.2.6" "get-arguments" (func $args (param i32)))
  (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $dirs (param i32)))
  (import "wasi:cli/terminal-stdout@0.2.6" "get-terminal-stdout" (func $terminal (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $env (i32.const 256))
    (call $args (i32.const 264))
    (call $dirs (i32.const 272))
    (call $terminal (i32.const 280))
    (if (i32.load (i32.const 260)) (then unreachable))
    (if (i32.load (i32.const 268)) (then unreachable))
    (if (i32.load (i32.const 276)) (then unreachable))
    (if (i32.load8_u (i32.const 280)) (then unreachable))
    (i32.const 128)))
