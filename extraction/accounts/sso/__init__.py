"""Single sign-on by OpenID Connect (OIDC). Loaded only where OIDC_ISSUER is set."""
