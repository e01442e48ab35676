"""An OpenID provider: accounts, sign-in, codes, tokens. Swap it for any other by settings."""
