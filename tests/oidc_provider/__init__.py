"""An OpenID Connect provider on this machine, over real HTTP, for tests of single sign-on."""
