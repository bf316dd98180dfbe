/** The reserved topic that says who holds the role. */
export const PRIMARY = 'lockstep/primary';
