import js from "@eslint/js";

/** The browser's modules. What tsc finds as well (unknown names, what cannot be reached) is left to tsc. */
export default [
  { ignores: ["*", "!chat/", "chat/*", "!chat/static/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022 },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off",
      "no-unused-private-class-members": "off",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "array-callback-return": "error",
      complexity: ["error", 20],
      "default-case-last": "error",
      eqeqeq: "error",
      "max-lines-per-function": ["error", { max: 60 }],
      "no-console": ["error", { allow: ["error"] }],
      "no-constant-binary-expression": "error",
      "no-implicit-coercion": "error",
      "no-implicit-globals": "error",
      "no-promise-executor-return": "error",
      "no-return-assign": "error",
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-unreachable-loop": "error",
      "no-unused-expressions": ["error", { allowShortCircuit: true, allowTernary: true }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-useless-rename": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "require-atomic-updates": "error",
    },
  },
];
