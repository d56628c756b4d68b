-- Who is a superadmin? Few of many, whom a search finds without looking at all.
CREATE INDEX registered_user_superadmin ON registered_user (superadmin) WHERE superadmin = 1;
