export default {
  extends: ['stylelint-config-standard'],
  rules: {
    // States such as :focus-visible are set once for all parts, above the parts.
    'no-descending-specificity': null,
    'selector-class-pattern': '^([a-z][A-z\\d]*)(-[A-z\\d]+)*$',
    // VS Code's names are not kebab-case.
    'custom-property-pattern': '^(vscode-.+|[a-z][a-z0-9]*(-[a-z0-9]+)*)$'
  }
};
