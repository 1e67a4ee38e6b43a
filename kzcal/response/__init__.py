"""From photoelectrons to reported hits: one definition for sampling and for likelihoods."""
