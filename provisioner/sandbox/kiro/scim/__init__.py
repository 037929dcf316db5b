"""The emulated Kiro SCIM endpoint, which applies the rules of AWS IAM Identity Center."""
